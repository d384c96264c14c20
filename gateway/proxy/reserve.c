/* reserve.c — see reserve.h. */
#include "reserve.h"
#include "gw/util.h"

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/socket.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static int reserve = -1;
static int first_kept = INT_MAX;
/* Cleared before the descriptor is given up: who has its place sees that. */
static atomic_bool is_full;

static bool
fill(void)
{
	if (reserve < 0)
		reserve = eventfd(0, EFD_CLOEXEC);
	atomic_store(&is_full, reserve >= 0);
	return reserve >= 0;
}

bool
gw_reserve_fill(void)
{
	bool ok;

	pthread_mutex_lock(&lock);
	ok = fill();
	pthread_mutex_unlock(&lock);
	return ok;
}

void
gw_reserve_init(void)
{
	struct rlimit r = { .rlim_cur = RLIM_INFINITY };

	(void)getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = GW_MIN(r.rlim_cur, (rlim_t)INT_MAX);
	first_kept = (int)(r.rlim_cur - GW_MIN(r.rlim_cur / 8,
					       (rlim_t)GW_RESERVE_UPSTREAM));
	(void)gw_reserve_fill();
}

/* The kernel gives the lowest number that is free. */
bool
gw_reserve_is_for_upstreams(int fd)
{
	return fd >= first_kept;
}

bool
gw_reserve_refuse(int listening)
{
	bool was_there;
	int fd;

	pthread_mutex_lock(&lock);
	atomic_store(&is_full, false);
	gw_close(&reserve);
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
	was_there = fd >= 0;
	gw_close(&fd);
	(void)fill();
	pthread_mutex_unlock(&lock);
	return was_there;
}

bool
gw_reserve_claims(int fd)
{
	bool claims;

	if (atomic_load(&is_full))
		return false;
	pthread_mutex_lock(&lock);
	claims = reserve < 0;
	if (claims) {
		gw_close(&fd);
		(void)fill();
	}
	pthread_mutex_unlock(&lock);
	return claims;
}

/* test_listener.c — a crowd at the door and those who are in: one listener on
 * a loop, and something else that always has an event. */
#include "reserve.h"
#include "worker.h"
#include "gw/util.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#define CROWD    100
#define A_TURN   16
#define TURNS    1000

/* Nobody is let in: what is accepted is all that matters here. */
static char title[] = "test";
static const struct gw_conf_listener conf = { .title = title,
					      .max_connections = 1 };
static struct gw_site_listener site = {
	.conf = &conf, .open.n[GW_LIMIT_CONNECTIONS] = 1,
};
static struct gw_worker worker;
static struct gw_listener listener = { .worker = &worker, .site = &site,
				       .io.fd = -1 };
static int64_t seen, most;
static int turns;

/* Its turn: how many were accepted since the last? */
static void
on_other(struct gw_io *io, uint32_t events)
{
	int64_t n = listener.count.accepted;

	(void)io;
	(void)events;
	if (n - seen > most)
		most = n - seen;
	seen = n;
	if (n == CROWD || ++turns == TURNS)
		gw_loop_stop(worker.loop);
}

static int
listen_for(struct sockaddr_in *sin)
{
	socklen_t len = sizeof(*sin);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*sin = (struct sockaddr_in){ .sin_family = AF_INET };
	sin->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	cr_assert(bind(fd, (void *)sin, len) == 0 && listen(fd, CROWD) == 0 &&
		  getsockname(fd, (void *)sin, &len) == 0);
	return fd;
}

Test(listener, takes_turns, .timeout = 60)
{
	struct gw_io other = { .fn = on_other };
	struct sockaddr_in sin;
	int fd = listen_for(&sin), crowd[CROWD];

	for (int i = 0; i < CROWD; i++) {
		crowd[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		cr_assert(connect(crowd[i], (void *)&sin, sizeof(sin)) == 0);
	}
	gw_quota_init();
	gw_reserve_init();
	worker.listeners = &listener;
	cr_assert(gw_loop_new(&worker.loop) == GW_ERR_OK);
	gw_listener_open(&listener, fd);
	other.fd = eventfd(1, EFD_CLOEXEC); /* never read: always ready */
	cr_assert(gw_loop_add(worker.loop, &other, EPOLLIN) == GW_ERR_OK);
	gw_loop_run(worker.loop);
	cr_expect_eq(seen, CROWD);
	cr_expect_eq(most, A_TURN, "%d in one turn", (int)most);
	gw_loop_del(worker.loop, &other);
	close(other.fd);
	gw_listener_close(&listener);
	gw_loop_free(worker.loop);
	for (int i = 0; i < CROWD; i++)
		close(crowd[i]);
}

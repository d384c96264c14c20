/* crl_fetch.c — how lists come to their place: by HTTP, from the directory,
 * out of the operators' files, and out of the store's own of before. */
#include "crl_store_priv.h"
#include "gw/util.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static void
parse_new(struct place *p, int from)
{
	int to = p->new_fd;

	p->new_fd = -1;
	gw_crl_place_load(p, PARSING, from >= 0 ? from : to, to);
}

/* ---- by HTTP */

static void
on_fetched(void *arg, const struct gw_fetched *got)
{
	struct place *p = arg;

	p->fetch = NULL;
	if (got->why != NULL)
		gw_crl_place_fail(p, got->why);
	else
		parse_new(p, -1);
}

static void
fetch_http(struct place *p)
{
	const struct gw_crl_transport *t = &p->store->c.transport;

	p->fetch = t->http(t->ctx, p->name, p->new_fd, GW_CRL_BYTES_MAX,
			   (uint64_t)p->store->c.conf->crl_timeout_ms,
			   on_fetched, p);
}

/* ---- from the directory */

static void
fetch_ldap(struct place *p)
{
	const struct gw_crl_transport *t = &p->store->c.transport;
	uint64_t ms = (uint64_t)p->store->c.conf->crl_timeout_ms;

	p->ask_id = ++p->store->last_ask;
	if (!t->ldap(t->ctx, p->ask_id, p->name, ms)) {
		gw_crl_place_fail(p, "gwd-kdc, which asks the directory, is "
				     "away or busy");
		return;
	}
	gw_timer_after(p->store->c.loop, &p->timer, ms + 1000);
}

void
gw_crl_store_arrived(struct gw_crl_store *s, uint64_t id, const char *why,
		     int fd)
{
	struct place *p;

	TAILQ_FOREACH(p, &s->places, entry)
		if (p->doing == FETCHING && p->ask_id != 0 && p->ask_id == id)
			break;
	if (p == NULL || why != NULL || fd < 0)
		gw_close(&fd);
	if (p == NULL)
		return; /* too late */
	p->ask_id = 0;
	gw_timer_stop(s->c.loop, &p->timer);
	if (fd < 0)
		gw_crl_place_fail(p, why != NULL ? why : "no list came");
	else
		parse_new(p, fd);
}

/* ---- the operators' files */

static bool
is_below(const char *path, const char *dir)
{
	size_t len = strlen(dir);

	return len > 0 && strncmp(path, dir, len) == 0 &&
	       path[len] == '/' && strstr(path, "/../") == NULL;
}

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino &&
	       a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec &&
	       a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* Looked at often, read only when it has changed. */
static void
fetch_file(struct place *p)
{
	char why[GW_DETAIL_MAX];
	struct stat st = { .st_size = 0 };
	int fd;

	if (!is_below(p->name, p->store->c.crl_dir)) {
		gw_crl_place_fail(p, "not below crl_dir");
		return;
	}
	fd = open(p->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		gw_format(why, sizeof(why), "cannot open it: %s",
			  strerror(errno));
		gw_crl_place_fail(p, why);
		return;
	}
	if (fstat(fd, &st) == 0 && p->held.map != NULL &&
	    is_same(&st, &p->source)) {
		gw_close(&fd);
		gw_crl_place_settle(p);
		return;
	}
	p->source = st;
	parse_new(p, fd);
}

/* ---- whichever it is */

void
gw_crl_fetch(struct place *p)
{
	gw_timer_stop(p->store->c.loop, &p->timer);
	p->doing = FETCHING;
	p->new_fd = gw_crl_file_new(p);
	if (p->new_fd < 0)
		gw_crl_place_fail(p, strerror(errno));
	else if (gw_place_is_file(p->name))
		fetch_file(p);
	else if (gw_place_is_ldap(p->name))
		fetch_ldap(p);
	else
		fetch_http(p);
}

bool
gw_crl_fetch_kept(struct place *p)
{
	struct stat st;
	int fd;

	if (p->was_read)
		return false;
	p->was_read = true;
	fd = gw_crl_file_open(p);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0)
		p->fetched = st.st_mtime;
	gw_crl_place_load(p, READING, fd, -1);
	return true;
}

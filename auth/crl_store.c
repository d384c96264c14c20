/* crl_store.c — see crl_store.h. A place does one thing at a time: reads its
 * file of before (once), fetches, or takes apart what was fetched. */
#include "crl_store.h"
#include "share.h"
#include "gw/log.h"
#include "gw/util.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FAILED_MS    3000               /* a failure is not tried again */
#define RETRY_MIN_MS 5000u
#define FETCH_MIN_MS 30000u             /* between two good ones */
#define RETRY_MAX_MS (300 * 1000)
#define WANTED_S     86400              /* renewed so long after the last use */
#define OLD_S        (30 * 86400)       /* files of no use any more */
#define FILE_S       10                 /* an operator's file is looked at */
#define TIMER_MAX_MS (3600u * 1000)     /* the wall clock may be moved */
#define ISSUERS_MAX  8
#define NAME_LEN     (2 * GW_HASH + 1)

LIST_HEAD(waits, gw_crl_wait);
TAILQ_HEAD(places, place);

enum doing { NOTHING, READING, FETCHING, PARSING };

struct place {
	struct gw_crl_store *store;
	TAILQ_ENTRY(place) entry; /* used last first */
	char name[GW_URL_MAX];
	char file[NAME_LEN];
	enum doing doing;
	bool was_read;      /* the file of before */
	bool is_announced;
	struct gw_crl_held held;
	STACK_OF(X509) *issuers;
	struct waits waits;
	struct gw_fetch *fetch;
	struct load *load;
	uint64_t ask_id;    /* of the directory */
	int new_fd;
	struct gw_timer timer; /* next fetch, or the end of the directory's */
	time_t fetched, used, next_fetch;
	struct stat source; /* an operator's file when it was read last */
	uint64_t failed_ms; /* monotonic; 0: the last fetch was good */
	unsigned failures;
	char why[GW_DETAIL_MAX];
};

/* Outlives its place when that is dropped. */
struct load {
	struct gw_job job;
	struct place *place; /* NULL: dropped */
	struct gw_crl_load what;
	STACK_OF(X509) *issuers;
	struct gw_crl_held held;
	struct gw_error err;
	enum gw_err rc;
};

struct gw_crl_store {
	struct gw_crl_store_conf c;
	struct places places;
	size_t count;
	uint64_t generation, last_ask;
	int dir;
};

static void fetch(struct place *p);

static time_t
now_of(const struct gw_crl_store *s)
{
	return s->c.transport.clock(s->c.transport.ctx);
}

/* ---- places */

static struct place *
find(const struct gw_crl_store *s, const char *name)
{
	struct place *p;

	TAILQ_FOREACH(p, &s->places, entry)
		if (strcmp(p->name, name) == 0)
			return p;
	return NULL;
}

static void
file_name(const struct place *p, const char *suffix, char out[NAME_LEN + 4])
{
	gw_format(out, NAME_LEN + 4, "%s%s", p->file, suffix);
}

static void
stop(struct place *p)
{
	struct gw_crl_store *s = p->store;

	if (p->fetch != NULL)
		s->c.transport.cancel(p->fetch);
	if (p->load != NULL)
		p->load->place = NULL;
	gw_timer_stop(s->c.loop, &p->timer);
	gw_close(&p->new_fd);
	p->fetch = NULL;
	p->load = NULL;
}

static void
drop(struct place *p)
{
	struct gw_crl_store *s = p->store;
	struct gw_crl_wait *w;

	stop(p);
	while ((w = LIST_FIRST(&p->waits)) != NULL) {
		LIST_REMOVE(w, entry);
		w->is_waiting = false;
	}
	TAILQ_REMOVE(&s->places, p, entry);
	s->count--;
	s->generation++;
	gw_crl_held_clear(&p->held);
	sk_X509_pop_free(p->issuers, X509_free);
	free(p);
}

/* Room for one more: the one used longest ago that nobody waits for. */
static bool
make_room(struct gw_crl_store *s)
{
	struct place *p;
	char name[NAME_LEN + 4];

	if (s->count < (size_t)s->c.conf->crl_max)
		return true;
	TAILQ_FOREACH_REVERSE(p, &s->places, places, entry)
		if (!p->is_announced && p->doing == NOTHING)
			break;
	if (p == NULL)
		return false;
	file_name(p, ".crl", name);
	(void)unlinkat(s->dir, name, 0);
	drop(p);
	return true;
}

/* Of one server that stalls at most every other list is waited for. */
static bool
is_within_share(const struct gw_crl_store *s, const char *name)
{
	const struct place *p;
	size_t n = 0, max = (size_t)s->c.conf->crl_max;

	TAILQ_FOREACH(p, &s->places, entry)
		n += p->doing == FETCHING && gw_share_is_one(p->name, name);
	return n < GW_MAX(max / 2, (size_t)1);
}

static void on_timer(struct gw_timer *t);

static struct place *
add(struct gw_crl_store *s, const char *name)
{
	struct place *p;
	uint8_t md[GW_HASH];
	unsigned len = 0;

	if (strlen(name) >= GW_URL_MAX || !is_within_share(s, name) ||
	    !make_room(s))
		return NULL;
	p = gw_xcalloc(1, sizeof(*p));
	p->store = s;
	p->new_fd = -1;
	p->timer.fn = on_timer;
	memcpy(p->name, name, strlen(name) + 1);
	gw_assert(EVP_Digest(name, strlen(name), md, &len, EVP_sha256(),
			     NULL) == 1 &&
		  (p->issuers = sk_X509_new_null()) != NULL);
	gw_hex(md, GW_HASH, p->file);
	LIST_INIT(&p->waits);
	TAILQ_INSERT_HEAD(&s->places, p, entry);
	s->count++;
	return p;
}

static void
expect_from(struct place *p, X509 *issuer)
{
	for (int i = 0; i < sk_X509_num(p->issuers); i++)
		if (X509_cmp(sk_X509_value(p->issuers, i), issuer) == 0)
			return;
	if (sk_X509_num(p->issuers) >= ISSUERS_MAX)
		return;
	X509_up_ref(issuer);
	gw_assert(sk_X509_push(p->issuers, issuer) > 0);
}

static bool
is_current(const struct place *p, time_t now)
{
	const struct gw_crl *c = p->held.list.crl;

	return c != NULL && now < gw_crl_next_update(c);
}

/* ---- the next fetch */

static bool
is_wanted(const struct place *p, time_t now)
{
	return p->is_announced || now - p->used < WANTED_S;
}

static uint64_t
retry_ms(const struct place *p)
{
	unsigned n = GW_MIN(p->failures, 8u);

	return GW_MIN((uint64_t)RETRY_MIN_MS << n, (uint64_t)RETRY_MAX_MS);
}

/* In good time before the list ends, and never later than crl_refresh. */
static time_t
renew_at(const struct place *p, time_t now)
{
	const struct gw_crl *c = p->held.list.crl;
	time_t at = (p->fetched != 0 ? p->fetched : now) +
		    (time_t)(p->store->c.conf->crl_refresh_ms / 1000);
	time_t life;

	if (gw_place_is_file(p->name))
		at = now + FILE_S;
	if (c == NULL)
		return at;
	life = gw_crl_next_update(c) - gw_crl_this_update(c);
	return GW_MIN(at, gw_crl_next_update(c) - GW_MIN(life / 10, 600));
}

static void
plan(struct place *p)
{
	struct gw_crl_store *s = p->store;
	time_t now = now_of(s), at;
	uint64_t ms;

	p->next_fetch = 0;
	if (!is_wanted(p, now) || p->doing != NOTHING)
		return;
	at = renew_at(p, now);
	ms = at > now ? (uint64_t)(at - now) * 1000 : 0;
	ms = GW_MAX(ms, gw_place_is_file(p->name) ? 1000u : FETCH_MIN_MS);
	if (p->failures > 0)
		ms = GW_MAX(GW_MIN(ms, retry_ms(p)), (uint64_t)RETRY_MIN_MS);
	p->next_fetch = now + (time_t)(ms / 1000);
	gw_timer_after(s->c.loop, &p->timer, GW_MIN(ms, TIMER_MAX_MS));
}

/* ---- the outcome */

static void
tell_all(struct place *p)
{
	struct waits list = LIST_HEAD_INITIALIZER(list);
	struct gw_crl_wait *w;

	while ((w = LIST_FIRST(&p->waits)) != NULL) {
		LIST_REMOVE(w, entry);
		LIST_INSERT_HEAD(&list, w, entry);
	}
	/* `p` may be gone from here on */
	while ((w = LIST_FIRST(&list)) != NULL) {
		LIST_REMOVE(w, entry);
		w->is_waiting = false;
		w->fn(w);
	}
}

static void
settle(struct place *p)
{
	p->doing = NOTHING;
	gw_close(&p->new_fd);
	plan(p);
	tell_all(p);
}

static void
fail(struct place *p, const char *why)
{
	char name[NAME_LEN + 4];

	file_name(p, ".new", name);
	(void)unlinkat(p->store->dir, name, 0);
	p->failed_ms = gw_loop_now_ms(p->store->c.loop);
	p->failures++;
	gw_format(p->why, sizeof(p->why), "%.180s", why);
	gw_event(GW_LOG_WARN, "crl-not-fetched", "place", p->name, "why",
		 p->why, NULL);
	settle(p);
}

/* NULL: it takes the place of what is here. */
static const char *
unfit(const struct place *p, const struct gw_crl_held *next)
{
	const struct gw_crl *old = p->held.list.crl;
	time_t latest = now_of(p->store) +
			(time_t)(p->store->c.conf->skew_ms / 1000);

	if (gw_crl_this_update(next->list.crl) > latest)
		return "a list of the future";
	if (old == NULL || !p->held.is_proven)
		return NULL;
	if (!next->is_proven)
		return "not signed by the CA whose list was here";
	if (gw_crl_this_update(next->list.crl) < gw_crl_this_update(old))
		return "older than the list that is here";
	/* a CA put back to an earlier state has forgotten who was revoked */
	if (is_current(p, now_of(p->store)) &&
	    gw_crl_list_precedes(&next->list, &p->held.list))
		return "its CRL number is lower than that of the list that "
		       "is here, which has not ended";
	return NULL;
}

static void
take(struct place *p, struct gw_crl_held *next)
{
	gw_crl_held_clear(&p->held);
	p->held = *next;
	*next = (struct gw_crl_held){ .map = NULL };
	p->store->generation++;
	p->failed_ms = 0;
	p->why[0] = '\0';
}

static bool
is_news(const struct place *p, const struct gw_crl_held *next)
{
	const struct gw_crl *old = p->held.list.crl;

	return old == NULL || gw_crl_this_update(next->list.crl) >
				      gw_crl_this_update(old);
}

static void
log_list(const struct place *p)
{
	const struct gw_crl *c = p->held.list.crl;

	gw_event(GW_LOG_INFO, "crl", "place", p->name, "entries",
		 GW_NUM(gw_crl_entries(c)), "this_update",
		 GW_NUM(gw_crl_this_update(c)), "next_update",
		 GW_NUM(gw_crl_next_update(c)), "signature",
		 p->held.is_proven ? "verified" : "at-use", NULL);
}

/* The file first: what memory has must be there after a restart. */
static void
publish(struct place *p, struct gw_crl_held *next)
{
	const char *why = unfit(p, next);
	char from[NAME_LEN + 4], to[NAME_LEN + 4];
	int dir = p->store->dir;
	bool news = is_news(p, next);

	if (why != NULL) {
		fail(p, why);
		return;
	}
	file_name(p, ".new", from);
	file_name(p, ".crl", to);
	if (renameat(dir, from, dir, to) != 0)
		gw_event(GW_LOG_ERR, "crl-not-kept", "place", p->name, "why",
			 strerror(errno), NULL);
	p->fetched = now_of(p->store);
	take(p, next);
	/* a server late with the next list is asked less and less often */
	if (news || renew_at(p, p->fetched) > p->fetched)
		p->failures = 0;
	else
		p->failures++;
	if (news)
		log_list(p);
	if (news && p->held.is_proven && p->store->c.changed != NULL)
		p->store->c.changed(p->store->c.transport.ctx);
	settle(p);
}

/* ---- taking apart, beside the loop */

static void
work(struct gw_job *j)
{
	struct load *l = GW_CONTAINER(j, struct load, job);

	l->rc = gw_crl_load(&l->what, &l->held, &l->err);
}

static void
release(struct load *l)
{
	gw_crl_held_clear(&l->held);
	sk_X509_pop_free(l->issuers, X509_free);
	if (l->what.to != l->what.from)
		gw_close(&l->what.to);
	gw_close(&l->what.from);
	free(l);
}

static void
on_parsed(struct place *p, struct load *l)
{
	if (l->rc != GW_ERR_OK)
		fail(p, l->err.detail);
	else
		publish(p, &l->held);
}

/* What was kept serves at once when it is current; else it is the measure of
 * what comes. */
static void
on_read(struct place *p, struct load *l)
{
	p->doing = NOTHING;
	if (l->rc == GW_ERR_OK)
		take(p, &l->held);
	if (is_current(p, now_of(p->store)))
		settle(p);
	else
		fetch(p);
}

static void
done(struct gw_job *j)
{
	struct load *l = GW_CONTAINER(j, struct load, job);
	struct place *p = l->place;

	if (p != NULL) {
		p->load = NULL;
		if (p->doing == READING)
			on_read(p, l);
		else
			on_parsed(p, l);
	}
	release(l);
}

/* Takes both descriptors. */
static void
start_load(struct place *p, enum doing doing, int from, int to)
{
	struct load *l = gw_xcalloc(1, sizeof(*l));

	l->job.work = work;
	l->job.done = done;
	l->place = p;
	l->issuers = sk_X509_deep_copy(p->issuers, X509_dup, X509_free);
	gw_assert(l->issuers != NULL);
	l->what = (struct gw_crl_load){ .from = from, .to = to,
					.issuers = l->issuers };
	p->load = l;
	p->doing = doing;
	gw_offload_do(p->store->c.offload, &l->job);
}

/* ---- fetching */

static bool
open_new(struct place *p)
{
	char name[NAME_LEN + 4];

	file_name(p, ".new", name);
	/* never one that may still be mapped */
	(void)unlinkat(p->store->dir, name, 0);
	p->new_fd = openat(p->store->dir, name,
			   O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	return p->new_fd >= 0;
}

static void
parse_new(struct place *p, int from)
{
	int to = p->new_fd;

	p->new_fd = -1;
	start_load(p, PARSING, from >= 0 ? from : to, to);
}

static void
on_fetched(void *arg, const struct gw_fetched *got)
{
	struct place *p = arg;

	p->fetch = NULL;
	if (got->why != NULL)
		fail(p, got->why);
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

static void
fetch_ldap(struct place *p)
{
	const struct gw_crl_transport *t = &p->store->c.transport;
	uint64_t ms = (uint64_t)p->store->c.conf->crl_timeout_ms;

	p->ask_id = ++p->store->last_ask;
	if (!t->ldap(t->ctx, p->ask_id, p->name, ms)) {
		fail(p, "gwd-kdc, which asks the directory, is away or busy");
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
		fail(p, why != NULL ? why : "no list came");
	else
		parse_new(p, fd);
}

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
		fail(p, "not below crl_dir");
		return;
	}
	fd = open(p->name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0) {
		gw_format(why, sizeof(why), "cannot open it: %s",
			  strerror(errno));
		fail(p, why);
		return;
	}
	if (fstat(fd, &st) == 0 && p->held.map != NULL &&
	    is_same(&st, &p->source)) {
		gw_close(&fd);
		settle(p);
		return;
	}
	p->source = st;
	parse_new(p, fd);
}

static void
fetch(struct place *p)
{
	gw_timer_stop(p->store->c.loop, &p->timer);
	p->doing = FETCHING;
	if (!open_new(p))
		fail(p, strerror(errno));
	else if (gw_place_is_file(p->name))
		fetch_file(p);
	else if (gw_place_is_ldap(p->name))
		fetch_ldap(p);
	else
		fetch_http(p);
}

/* The file of before, if there is one. */
static bool
read_kept(struct place *p)
{
	char name[NAME_LEN + 4];
	struct stat st;
	int fd;

	if (p->was_read)
		return false;
	p->was_read = true;
	file_name(p, ".crl", name);
	fd = openat(p->store->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	if (fstat(fd, &st) == 0)
		p->fetched = st.st_mtime;
	start_load(p, READING, fd, -1);
	return true;
}

static void
on_timer(struct gw_timer *t)
{
	struct place *p = GW_CONTAINER(t, struct place, timer);

	if (p->doing == FETCHING) {
		p->ask_id = 0;
		fail(p, "the directory did not answer in time");
	} else if (p->doing == NOTHING) {
		time_t now = now_of(p->store);

		if (p->next_fetch > now)
			plan(p);
		else if (is_wanted(p, now))
			fetch(p);
	}
}

/* ---- asking */

static bool
has_failed_just_now(const struct place *p)
{
	return p->failed_ms != 0 &&
	       gw_loop_now_ms(p->store->c.loop) - p->failed_ms < FAILED_MS;
}

static struct place *
want(struct gw_crl_store *s, const char *name, X509 *issuer)
{
	struct place *p = find(s, name);

	if (p == NULL)
		p = add(s, name);
	if (p == NULL)
		return NULL;
	expect_from(p, issuer);
	TAILQ_REMOVE(&s->places, p, entry);
	TAILQ_INSERT_HEAD(&s->places, p, entry);
	return p;
}

bool
gw_crl_store_ask(struct gw_crl_store *s, const char *name, X509 *issuer,
		 struct gw_crl_wait *w)
{
	struct place *p = want(s, name, issuer);

	if (p == NULL)
		return true;
	p->used = now_of(s);
	if (is_current(p, p->used) || has_failed_just_now(p)) {
		if (p->doing == NOTHING && p->next_fetch == 0)
			plan(p);
		return true;
	}
	if (p->doing == NOTHING && !read_kept(p))
		fetch(p);
	if (p->doing == NOTHING)
		return true; /* it failed at once */
	LIST_INSERT_HEAD(&p->waits, w, entry);
	w->is_waiting = true;
	return false;
}

void
gw_crl_store_forget(struct gw_crl_wait *w)
{
	if (!w->is_waiting)
		return;
	LIST_REMOVE(w, entry);
	w->is_waiting = false;
}

void
gw_crl_store_announce(struct gw_crl_store *s, const char *name, X509 *issuer)
{
	struct place *p = want(s, name, issuer);

	if (p == NULL)
		return;
	p->is_announced = true;
	if (p->doing == NOTHING && !is_current(p, now_of(s)) && !read_kept(p))
		fetch(p);
}

const struct gw_crl_list *
gw_crl_store_get(const struct gw_crl_store *s, const char *name)
{
	const struct place *p = find(s, name);

	return p != NULL && p->held.list.crl != NULL ? &p->held.list : NULL;
}

const char *
gw_crl_store_why(const struct gw_crl_store *s, const char *name)
{
	const struct place *p = find(s, name);

	return p != NULL ? p->why
			 : "no room: crl_max lists are here, or half as many "
			   "are waited for from its server";
}

uint64_t
gw_crl_store_generation(const struct gw_crl_store *s)
{
	return s->generation;
}

bool
gw_crl_store_info(const struct gw_crl_store *s, size_t i,
		  struct gw_crl_info *out)
{
	const struct place *p = TAILQ_FIRST(&s->places);
	const struct gw_crl *c;

	while (p != NULL && i-- > 0)
		p = TAILQ_NEXT(p, entry);
	if (p == NULL)
		return false;
	c = p->held.list.crl;
	*out = (struct gw_crl_info){
		.place = p->name, .why = p->why, .next_fetch = p->next_fetch,
	};
	if (c == NULL)
		return true;
	out->is_here = true;
	out->is_proven = p->held.is_proven;
	out->is_delta = p->held.list.delta != NULL;
	out->entries = gw_crl_entries(c);
	out->bytes = p->held.len;
	out->memory = gw_crl_memory(c);
	out->this_update = gw_crl_this_update(c);
	out->next_update = gw_crl_next_update(c);
	out->fetched = p->fetched;
	return true;
}

/* ---- the directory of files */

static bool
is_leftover(int dir, const char *name, time_t now)
{
	size_t len = strlen(name);
	struct stat st;

	if (len < 4 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
	    !S_ISREG(st.st_mode))
		return false;
	return strcmp(name + len - 4, ".new") == 0 ||
	       (strcmp(name + len - 4, ".crl") == 0 &&
		now - st.st_mtime > OLD_S);
}

static void
clean_up(struct gw_crl_store *s)
{
	DIR *d = opendir(s->c.dir);
	struct dirent *e;
	time_t now = now_of(s);

	while (d != NULL && (e = readdir(d)) != NULL)
		if (is_leftover(s->dir, e->d_name, now))
			(void)unlinkat(s->dir, e->d_name, 0);
	if (d != NULL)
		closedir(d);
}

struct gw_crl_store *
gw_crl_store_new(const struct gw_crl_store_conf *c)
{
	struct gw_crl_store *s = gw_xcalloc(1, sizeof(*s));

	s->c = *c;
	s->generation = 1; /* 0 stands for "no list said so" */
	TAILQ_INIT(&s->places);
	s->dir = open(c->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		gw_event(GW_LOG_ERR, "crl-directory", "path", c->dir, "why",
			 strerror(errno), NULL);
	else
		clean_up(s);
	return s;
}

void
gw_crl_store_free(struct gw_crl_store *s)
{
	if (s == NULL)
		return;
	while (!TAILQ_EMPTY(&s->places))
		drop(TAILQ_FIRST(&s->places));
	gw_close(&s->dir);
	free(s);
}

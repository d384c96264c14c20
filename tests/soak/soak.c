/* soak.c — every kind of client at once, well-behaved and not, for a long
 * time, against gwd-proxy between the played neighbours of the unit tests
 * (rig.h). Sessions are killed and gwd-auth dies meanwhile, so no client may
 * count on its answer: what counts is that gwd-proxy lives, and holds no more
 * at the end than it did in the beginning. */
#include "rig.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <dirent.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define LINES   12   /* of the table */
#define RESTS   6    /* seconds without load before each line */
#define CARDS   32   /* what is kept for the tickets of each is no leak */
/* What is allocated and not freed tells a leak; the rest is room for what
 * allocators keep, AddressSanitizer more than others. */
#define LIVE_SLACK 524288 /* bytes: buffers, stacks of jobs */
#ifdef __SANITIZE_ADDRESS__
#define SLACK      131072 /* KiB */
#else
#define SLACK      8192
#endif

static struct rig *rig;
static atomic_bool is_over, is_resting;

struct work {
	const char *name;
	void (*fn)(unsigned n);
	_Atomic unsigned long count;
	_Atomic bool is_busy;
};

/* ---- clients */

static bool
in(struct rig_client *c, int flags)
{
	bool ok = rig_connect(rig, c, flags);

	rig_set_timeout(c, 5000);
	if (!ok)
		rig_close(c);
	return ok;
}

static int
get(struct rig_client *c, const char *kind, unsigned n)
{
	char path[64];

	snprintf(path, sizeof(path), "/%s/%u", kind, n);
	return rig_get(c, path, NULL, NULL);
}

static void
reset(struct rig_client *c)
{
	struct linger l = { .l_onoff = 1 };

	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &l, sizeof(l));
	rig_close(c);
}

static void
keep_alive(unsigned n)
{
	struct rig_client c;

	if (!in(&c, 0))
		return;
	for (unsigned i = 0; i < 100; i++)
		if (get(&c, i % 3 == 0 ? "chunked" : "bytes", n * i % 60000)
		    < 0)
			break;
	rig_close(&c);
}

static void
new_connection(unsigned n)
{
	struct rig_client c;

	if (!in(&c, (n % 2 != 0 ? RIG_TLS12 : 0) |
		    (n % 7 == 0 ? RIG_NO_CARD : 0)))
		return;
	(void)get(&c, "bytes", n % 1000);
	rig_close(&c);
}

static void
resumption(unsigned n)
{
	struct rig_client c;
	SSL_SESSION *s;

	if (!in(&c, n % 2 != 0 ? RIG_TLS12 : 0))
		return;
	(void)get(&c, "bytes", 1);
	s = SSL_get1_session(c.ssl);
	rig_close(&c);
	for (int i = 0; i < 5; i++) {
		if (rig_resume(rig, &c, n % 2 != 0 ? RIG_TLS12 : 0, s)) {
			rig_set_timeout(&c, 5000);
			(void)get(&c, "bytes", 1);
		}
		rig_close(&c);
	}
	SSL_SESSION_free(s);
}

static void
tunnels(unsigned n)
{
	struct rig_client c;
	char buf[4096];

	if (!in(&c, 0))
		return;
	rig_send(&c, n % 2 != 0 ? "GET /ws HTTP/1.1\r\nHost: h\r\n"
				  "Connection: Upgrade\r\n"
				  "Upgrade: websocket\r\n\r\n"
				: "GET /frames/whole HTTP/1.1\r\nHost: h\r\n"
				  "Connection: Upgrade\r\n"
				  "Upgrade: websocket\r\n\r\n");
	if (rig_response(&c, NULL, NULL, NULL) == 101)
		for (unsigned i = 0; i < 200; i++) {
			rig_send_bytes(&c, buf, n * i % sizeof(buf));
			if (n % 2 != 0 && n * i % sizeof(buf) > 0 &&
			    rig_recv(&c, buf, sizeof(buf)) <= 0)
				break;
		}
	if (n % 3 == 0)
		reset(&c);
	else
		rig_close(&c);
}

static void
aborts(unsigned n)
{
	static const char *const texts[] = {
		"GET /bytes/50000000 HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET /slow/2000 HTTP/1.1\r\nHost: h\r\n\r\n",
		"POST /upload HTTP/1.1\r\nHost: h\r\nContent-Length: 999999"
		"\r\n\r\nbegun", "GET /half HTTP/1.1\r\nHost: h\r\n\r\n",
		"GET / HT", "",
		"POST /early HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n",
		"no HTTP at all\r\n\r\n",
	};
	struct rig_client c;
	char buf[1024];

	if (n % 9 == 8) { /* within the handshake */
		rig_dial(rig, &c, 0);
		(void)send(c.fd, "\x16\x03\x01", 3, MSG_NOSIGNAL);
		reset(&c);
		return;
	}
	if (!in(&c, 0))
		return;
	rig_send(&c, texts[n % GW_COUNT(texts)]);
	rig_set_timeout(&c, 200);
	(void)rig_recv(&c, buf, sizeof(buf));
	reset(&c);
}

static bool
ends_within(struct rig_client *c, int ms)
{
	struct pollfd p = { .fd = c->fd, .events = POLLIN };
	char buf[256];

	while (poll(&p, 1, ms) == 1)
		if (rig_recv(c, buf, sizeof(buf)) <= 0)
			return true;
	return false;
}

static void
slow(unsigned n)
{
	struct rig_client c;

	if (!in(&c, 0))
		return;
	rig_send(&c, n % 2 != 0 ? "GET / HTTP/1.1\r\nX: "
				: "POST /upload HTTP/1.1\r\nHost: h\r\n"
				  "Content-Length: 1000\r\n\r\n");
	for (int i = 0; i < 100 && !ends_within(&c, 50); i++)
		rig_send(&c, "x");
	rig_close(&c);
}

static struct work works[] = {
	{ .name = "keep-alive", .fn = keep_alive },
	{ .name = "new", .fn = new_connection },
	{ .name = "resumed", .fn = resumption },
	{ .name = "tunnels", .fn = tunnels },
	{ .name = "tunnels", .fn = tunnels },
	{ .name = "aborts", .fn = aborts },
	{ .name = "slow", .fn = slow },
};

static void *
work(void *arg)
{
	struct work *w = arg;

	while (!is_over) {
		w->is_busy = !is_resting;
		if (w->is_busy)
			w->fn((unsigned)w->count++);
		else
			usleep(20000);
	}
	w->is_busy = false;
	return NULL;
}

/* ---- what others do to them, and the table */

static void
disturb(unsigned n)
{
	static const struct rig_answer answers[] = {
		{ .reason = GW_ERR_OK },
		{ .reason = GW_ERR_OK, .delay_ms = 20 },
		{ .reason = GW_ERR_CERT_REVOKED },
		{ .reason = GW_ERR_OK, .lifetime = 3 },
	};

	rig_answer(rig, &answers[n % 8 == 7 ? n / 8 % 4 : 0]);
	if (n % 2 != 0)
		rig_revoke(rig);
	else
		rig_kill(rig);
	if (n % 50 == 49) {
		rig_unlink(rig);
		usleep(100000);
		rig_link(rig);
	}
	usleep(100000);
}

static long
resident_kib(void)
{
	char path[64], line[256];
	long kib = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)rig_pid(rig));
	f = fopen(path, "r");
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		if (strncmp(line, "VmRSS:", 6) == 0)
			kib = strtol(line + 6, NULL, 10);
	if (f != NULL)
		fclose(f);
	return kib;
}

/* See live.c; shared before gwd-proxy starts. */
static const _Atomic size_t *live;

static void
share_live(void)
{
	int fd = memfd_create("live", MFD_CLOEXEC);
	char path[64];
	void *p;

	cr_assert(fd >= 0 && ftruncate(fd, sizeof(size_t)) == 0);
	p = mmap(NULL, sizeof(size_t), PROT_READ, MAP_SHARED, fd, 0);
	cr_assert(p != MAP_FAILED);
	live = p;
	snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)getpid(), fd);
	setenv("GWD_SOAK_LIVE", path, 1);
	setenv("LD_PRELOAD", SOAK_LIVE, 1);
}

static int
descriptors(void)
{
	char path[64];
	DIR *d;
	int n = -2; /* "." and ".." */

	snprintf(path, sizeof(path), "/proc/%d/fd", (int)rig_pid(rig));
	d = opendir(path);
	while (d != NULL && readdir(d) != NULL)
		n++;
	if (d != NULL)
		closedir(d);
	return n;
}

/* Everybody gone, timeouts over: what is held now is held by nobody. */
static void
rest(void)
{
	is_resting = true;
	for (size_t i = 0; i < GW_COUNT(works); i++)
		while (works[i].is_busy)
			usleep(20000);
	sleep(RESTS);
}

static void
print_line(uint64_t start)
{
	printf("%5llu s %9zu live %7ld KiB %4d fd ",
	       (unsigned long long)(gw_mono_ms() - start) / 1000, *live,
	       resident_kib(), descriptors());
	for (size_t i = 0; i < GW_COUNT(works); i++)
		printf(" %s %lu", works[i].name, works[i].count);
	printf("\n");
	fflush(stdout);
}

static uint64_t
duration_ms(void)
{
	const char *text = getenv("GWD_SOAK_SECONDS");
	unsigned long n = text != NULL ? strtoul(text, NULL, 10) : 0;

	return (n != 0 ? n : 1800) * 1000;
}

Test(soak, mixed, .timeout = 1e6)
{
	static const struct rig_key keys[] = {
		{ "listener", "header_timeout", "2s" },
		{ "listener", "body_timeout", "2s" },
		{ "listener", "idle_timeout", "3s" },
		{ "listener", "handshake_timeout", "3s" },
		{ "upstream", "idle_timeout", "2s" },
		{ NULL, NULL, NULL },
	};
	uint64_t start = gw_mono_ms(), total = duration_ms(), begun;
	pthread_t threads[GW_COUNT(works)];
	size_t first_live = 0, last_live = 0;
	long first = 0, last = 0;
	int first_fd = 0, last_fd = 0;
	unsigned n = 0;

	share_live();
	rig_cards = CARDS;
	rig = rig_start(keys);
	unsetenv("LD_PRELOAD");
	rig_answer(rig, &(struct rig_answer){ .reason = GW_ERR_OK });
	for (size_t i = 0; i < GW_COUNT(works); i++)
		cr_assert(pthread_create(&threads[i], NULL, work, &works[i])
			  == 0);
	for (unsigned line = 1; line <= LINES; line++) {
		is_resting = false;
		begun = gw_mono_ms();
		do
			disturb(n++);
		while (gw_mono_ms() - begun + RESTS * 1000 < total / LINES);
		rest();
		print_line(start);
		last = resident_kib();
		last_live = *live;
		last_fd = descriptors();
		if (line == 1 || (line == 2 && first < last))
			first = last;
		if (line == 1 || (line == 2 && first_live < last_live))
			first_live = last_live;
		first_fd = line == 1 ? last_fd : first_fd;
	}
	is_over = true;
	for (size_t i = 0; i < GW_COUNT(works); i++)
		pthread_join(threads[i], NULL);
	cr_expect_gt(first_live, 0, "nothing heard of what is live");
	cr_expect(last_live < first_live + LIVE_SLACK,
		  "held %zu bytes, then %zu", first_live, last_live);
	cr_expect(last < first + SLACK, "held %ld KiB, then %ld", first, last);
	cr_expect_eq(last_fd, first_fd, "held %d descriptors, then %d",
		     first_fd, last_fd);
	rig_stop(rig);
}

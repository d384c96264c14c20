/* lab.c — see lab.h. The keys of `lab env` are read once, before the first
 * test, and reach the tests' processes through the environment. */
#include "lab.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PREFIX    "E2E_"
#define LOG_SHOWN 6000 /* bytes of the log after a failed test */

static size_t log_before; /* and when: of the test that runs */
static time_t began;

char *
text(const char *fmt, ...)
{
	char *s = NULL;
	va_list ap;

	va_start(ap, fmt);
	gw_assert(vasprintf(&s, fmt, ap) >= 0);
	va_end(ap);
	return s;
}

char *
text_repeat(const char *s, size_t count)
{
	size_t len = strlen(s);
	char *all = gw_xcalloc(count * len + 1, 1);

	for (size_t i = 0; i < count; i++)
		memcpy(all + i * len, s, len);
	return all;
}

char *
text_with(const char *all, const char *from, const char *to)
{
	const char *at = strstr(all, from);

	if (at == NULL)
		cr_assert_fail("there is no '%s' in:\n%s", from, all);
	return text("%.*s%s%s", (int)(at - all), all, to, at + strlen(from));
}

const char *
lab(const char *key)
{
	const char *v = getenv(text(PREFIX "%s", key));

	if (v == NULL)
		cr_assert_fail("lab env has no %s", key);
	return v;
}

const char *
lab_cert(const char *name)
{
	return text("%s/%s.pem", lab("CERT_DIR"), name);
}

const char *
lab_key(const char *name)
{
	return text("%s/%s.key", lab("CERT_DIR"), name);
}

/* ---- commands */

void
in_lab(const char *const argv[], const char *out[ARGS_MAX])
{
	char *words = text("%s", lab("NSENTER")), *rest = NULL;
	size_t n = 0;

	for (char *w = strtok_r(words, " ", &rest); w != NULL;
	     w = strtok_r(NULL, " ", &rest)) {
		gw_assert(n < ARGS_MAX - 1);
		out[n++] = w;
	}
	for (size_t i = 0; argv[i] != NULL; i++) {
		gw_assert(n < ARGS_MAX - 1);
		out[n++] = argv[i];
	}
	out[n] = NULL;
}

void
lab_do(const char *verb, const char *name)
{
	struct output o = RUN(60000, LAB_PROGRAM, verb, name);

	if (o.status != 0)
		cr_assert_fail("lab %s %s: status %d\n%s%s", verb, name,
			       o.status, o.out, o.err);
}

/* ---- waiting */

uint64_t
now_ms(void)
{
	return gw_mono_ms();
}

bool
await(int timeout_ms, bool (*fn)(void *arg), void *arg)
{
	uint64_t deadline = now_ms() + (uint64_t)timeout_ms;

	while (!fn(arg)) {
		if (now_ms() >= deadline)
			return false;
		usleep(20000);
	}
	return true;
}

/* ---- text and files */

bool
contains(const char *haystack, const char *needle)
{
	return haystack != NULL && strstr(haystack, needle) != NULL;
}

static char *
slurp_from(const char *path, size_t from)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len = 0;
	char *s = gw_xcalloc(1, 65537);
	ssize_t n;

	if (fd >= 0)
		(void)lseek(fd, (off_t)from, SEEK_SET);
	while (fd >= 0 && (n = read(fd, s + len, 65536)) > 0) {
		len += (size_t)n;
		s = gw_xrealloc(s, len + 65537, 1);
	}
	gw_close(&fd);
	s[len] = '\0';
	return s;
}

char *
slurp(const char *path)
{
	return slurp_from(path, 0);
}

void
spill(const char *path, const char *content)
{
	FILE *f = fopen(path, "we");

	if (f == NULL || fputs(content, f) < 0 || fclose(f) != 0)
		cr_assert_fail("%s: cannot be written", path);
}

long
resident_kib(pid_t pid)
{
	const char *p = strstr(slurp(text("/proc/%d/status", (int)pid)),
			       "VmRSS:");

	return p != NULL ? strtol(p + 6, NULL, 10) : 0;
}

/* ---- the gateway's log */

static size_t
size_of(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (size_t)st.st_size : 0;
}

size_t
log_mark(void)
{
	return size_of(lab("GWD_LOG"));
}

static bool
has_all(const char *line, const char *const words[])
{
	for (size_t i = 0; words[i] != NULL; i++)
		if (strstr(line, words[i]) == NULL)
			return false;
	return true;
}

char *
find_line(const char *path, size_t from, const char *const words[])
{
	char *rest = NULL;

	for (char *l = strtok_r(slurp_from(path, from), "\n", &rest);
	     l != NULL; l = strtok_r(NULL, "\n", &rest))
		if (has_all(l, words))
			return l;
	return NULL;
}

struct search {
	size_t mark;
	const char *words[8];
	char *found;
};

static bool
is_logged(void *arg)
{
	struct search *s = arg;

	s->found = find_line(lab("GWD_LOG"), s->mark, s->words);
	return s->found != NULL;
}

char *
log_line(size_t mark, const char *word, ...)
{
	struct search s = { .mark = mark, .words = { word } };
	va_list ap;

	va_start(ap, word);
	for (size_t i = 1; i < GW_COUNT(s.words) - 1 && s.words[i - 1] != NULL;
	     i++)
		s.words[i] = va_arg(ap, const char *);
	va_end(ap);
	(void)await(20000, is_logged, &s);
	return s.found;
}

/* ---- before and after */

static GW_NORETURN void
no_lab(const char *why)
{
	fprintf(stderr, "e2e: no lab (%s): deploy/lab/lab up, and name its "
		"directory by GWD_LAB_DIR\n", why);
	exit(1);
}

/* A line KEY=value; values may stand in quotes. */
static void
keep_line(char *line)
{
	char *eq = strchr(line, '=');
	size_t len;

	if (eq == NULL)
		return;
	*eq++ = '\0';
	len = strlen(eq);
	if (len >= 2 && (*eq == '\'' || *eq == '"') && eq[len - 1] == *eq) {
		eq[len - 1] = '\0';
		eq++;
	}
	setenv(text(PREFIX "%s", line), eq, 1);
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	struct output o = RUN(10000, LAB_PROGRAM, "env");
	char *rest = NULL;

	(void)set;
	if (o.status != 0)
		no_lab("lab env fails");
	for (char *l = strtok_r(o.out, "\n", &rest); l != NULL;
	     l = strtok_r(NULL, "\n", &rest))
		keep_line(l);
	if (getenv(PREFIX "GATEWAY_URL") == NULL ||
	    getenv(PREFIX "GWD_LOG") == NULL)
		no_lab("lab env does not tell GATEWAY_URL and GWD_LOG");
}

ReportHook(PRE_TEST)(struct criterion_test *test)
{
	(void)test;
	log_before = log_mark();
	began = time(NULL);
}

static void
show_tail(const char *test, const char *path, size_t from)
{
	size_t end = size_of(path);

	if (end > from + LOG_SHOWN)
		from = end - LOG_SHOWN;
	if (end > from)
		fprintf(stderr, "--- %s during %s:\n%s---\n", path, test,
			slurp_from(path, from));
}

/* The lab's gateway, and those the test itself has started. */
static void
show_log(const char *test)
{
	glob_t g = { .gl_pathc = 0 };
	struct stat st;

	show_tail(test, lab("GWD_LOG"), log_before);
	(void)glob(text("%s/e2e-*/gwd.log", lab("GWD_LAB_DIR")), 0, NULL, &g);
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (stat(g.gl_pathv[i], &st) == 0 && st.st_ctime >= began)
			show_tail(test, g.gl_pathv[i], 0);
	globfree(&g);
}

ReportHook(POST_TEST)(struct criterion_test_stats *stats)
{
	if (stats->test_status == CR_STATUS_FAILED)
		show_log(stats->test->name);
}

ReportHook(TEST_CRASH)(struct criterion_test_stats *stats)
{
	show_log(stats->test->name);
}

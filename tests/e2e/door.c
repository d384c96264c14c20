/* door.c — see door.h. */
#include "door.h"

#include <criterion/criterion.h>
#include <string.h>

struct gate door;

void
door_open_by(const char *const words[], const char *keys, const char *rest)
{
	char *dir = scratch_dir();

	door = gate_start_by(words, dir,
			     conf_listener(conf_text(dir, lab("ECHO_URL") + 7),
					   keys, rest));
}

void
door_open(const char *keys, const char *rest)
{
	door_open_by((const char *const[]){ NULL }, keys, rest);
}

void
door_shut(void)
{
	gate_stop(&door);
}

/* ---- clients */

bool
is_answered(struct wire *w, const char *said, int status, const char *word)
{
	const char *line = text("HTTP/1.1 %d ", status);
	char *got;

	(void)wire_say(w, said);
	got = wire_read_until(w, word, 60000);
	return strncmp(got, line, strlen(line)) == 0 && contains(got, word);
}

bool
is_served(struct wire *w)
{
	/* where its body ends */
	return wire_is_up(w) && is_answered(w, GET("/echo/"), 200, "\"}");
}

struct wire *
enter_from(const char *ip)
{
	return WIRE(.base = door.url, .from = ip, .card = "alice");
}

bool
gets_in(void *ip)
{
	struct wire *w = enter_from(ip);
	bool ok = is_served(w);

	wire_close(w);
	return ok;
}

void
expect_refused(const char *what, const char *ip)
{
	uint64_t began = now_ms();
	struct wire *w = enter_from(ip);

	cr_expect(!wire_is_up(w), "%s: %s gets in", what, ip);
	cr_expect_lt((int)(now_ms() - began), 30000, "%s: %s waits", what, ip);
	wire_close(w);
}

/* ---- what is counted */

int64_t
door_count(const char *what)
{
	return gate_count(door.socket, "door", what);
}

void
expect_counted(const char *what, int64_t n)
{
	int64_t got = door_count(what);

	cr_expect_eq(got, n, "%s: %lld, wanted %lld", what, (long long)got,
		     (long long)n);
}

static bool
is_logged(void *words)
{
	return find_line(door.log, 0, words) != NULL;
}

void
expect_logged(const char *event, const char *word, const char *other)
{
	const char *words[] = { event, word, other, NULL };

	cr_expect(await(60000, is_logged, words), "not logged: %s %s %s",
		  event, word, other);
}

/* insider.c — see insider.h. */
#include "insider.h"

#include <criterion/criterion.h>

struct insider
insider_new(const char *base)
{
	struct insider in = { .base = base,
			      .tunnel = WIRE(.base = base,
					     .card = "alice-rsa"),
			      .h = handle_new() };
	struct answer a = FETCH(.base = base, .card = "alice", .handle = in.h);

	cr_assert_eq(ws_begin(in.tunnel, "/echo/ws"), 101);
	cr_assert_eq(a.status, 200, "%ld %s", a.status, a.error);
	return in;
}

void
expect_undisturbed(const char *what, struct insider *in, int within_ms)
{
	struct answer a = FETCH(.base = in->base, .card = "alice",
				.handle = in->h);

	cr_expect_eq(a.status, 200, "%s: insider: %ld %s", what, a.status,
		     a.error);
	cr_expect_eq(a.connects, 0, "%s: insider's connection went", what);
	cr_expect_leq(a.took_ms, within_ms, "%s: insider waits %d ms", what,
		      a.took_ms);
	cr_expect(ws_echoes(in->tunnel, "still here", within_ms),
		  "%s: the tunnel does not answer", what);
}

void
insider_free(struct insider *in)
{
	wire_close(in->tunnel);
	curl_easy_cleanup(in->h);
}

/* A chunked body, behind a byte that says how it is cut: the outcome does not
 * depend on the cuts, and what is accepted is the same body, with the same
 * end, to a naive reader; also after we have written it anew. */
#include <stdlib.h>
#include <string.h>

#include "http.h"
#include "naive.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

#define INPUT_MAX 65536

struct outcome {
	enum gw_err code;
	bool is_done;
	size_t used, len;
	uint64_t total;
	char payload[INPUT_MAX];
};

static struct outcome whole, cut;
static char naive_payload[INPUT_MAX], rewritten[8 * INPUT_MAX];

static void
read_body(const char *p, size_t len, size_t step, struct outcome *o)
{
	struct gw_http_msg m = { .framing = GW_BODY_CHUNKED };
	struct gw_http_body b;
	struct gw_str run;
	size_t n;

	o->used = o->len = 0;
	o->code = GW_ERR_OK;
	gw_http_body_init(&b, &m);
	while (o->code == GW_ERR_OK && !b.is_done && o->used < len) {
		size_t part = GW_MIN(step, len - o->used);

		o->code = gw_http_body_read(&b, p + o->used, part, &n, &run,
					    NULL);
		gw_assert(n <= part && run.len <= n);
		gw_assert(n > 0 || o->code != GW_ERR_OK);
		if (run.len > 0)
			memcpy(o->payload + o->len, run.p, run.len);
		o->len += run.len;
		o->used += n;
	}
	o->is_done = b.is_done;
	o->total = b.total;
}

static void
check_naive(const char *p, size_t len)
{
	size_t n = 0, used = 0;

	gw_assert(naive_read_chunks(p, len, naive_payload, &n, &used));
	gw_assert(used == whole.used && n == whole.len);
	gw_assert(n == 0 || memcmp(naive_payload, whole.payload, n) == 0);
}

/* Written anew in pieces of `step`. */
static void
check_rewritten(size_t step)
{
	struct gw_out o = { .p = rewritten, .cap = sizeof(rewritten) };
	size_t n = 0, used = 0;
	char head[18];

	for (size_t at = 0; at < whole.len; at += step) {
		size_t part = GW_MIN(step, whole.len - at);

		gw_out_raw(&o, head, gw_http_chunk_head(head, part));
		gw_out_raw(&o, whole.payload + at, part);
		gw_out_str(&o, "\r\n");
	}
	gw_out_str(&o, "0\r\n\r\n");
	gw_assert(!o.bad);
	gw_assert(naive_read_chunks(o.p, o.len, naive_payload, &n, &used));
	gw_assert(used == o.len && n == whole.len);
	gw_assert(n == 0 || memcmp(naive_payload, whole.payload, n) == 0);
	read_body(o.p, o.len, o.len, &cut);
	gw_assert(cut.is_done && cut.used == o.len && cut.len == whole.len);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	const char *p = (const char *)data + 1;
	size_t step;

	if (len < 2 || len > INPUT_MAX)
		return 0;
	step = (size_t)data[0] + 1;
	len--;
	read_body(p, len, len, &whole);
	read_body(p, len, step, &cut);
	gw_assert(whole.code == cut.code && whole.is_done == cut.is_done);
	gw_assert(whole.total == whole.len);
	if (whole.code == GW_ERR_OK) {
		gw_assert(whole.used == cut.used && whole.len == cut.len);
		gw_assert(whole.len == 0 || memcmp(whole.payload, cut.payload,
						   whole.len) == 0);
	}
	if (!whole.is_done)
		return 0;
	check_naive(p, len);
	check_rewritten(step);
	return 0;
}

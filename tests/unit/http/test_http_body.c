/* Bodies off a stream, whole and byte by byte. */
#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>

#include "cases.h"

#define TEXT(s) s, sizeof(s) - 1

struct outcome {
	enum gw_err code;
	bool is_done;
	size_t used, payload_len;
	char payload[65536];
	struct gw_error err;
};

/* Feeds `step` bytes at a time. */
static void
feed(struct gw_http_body *b, const char *in, size_t len, size_t step,
     struct outcome *o)
{
	size_t used, part;
	struct gw_str data;

	*o = (struct outcome){ 0 };
	while (o->used < len && !b->is_done && o->code == GW_ERR_OK) {
		part = GW_MIN(step, len - o->used);
		o->code = gw_http_body_read(b, in + o->used, part, &used,
					    &data, &o->err);
		cr_assert(used <= part && data.len <= used);
		cr_assert(used > 0 || o->code != GW_ERR_OK || b->is_done);
		cr_assert_leq(o->payload_len + data.len, sizeof(o->payload));
		if (data.len > 0)
			memcpy(o->payload + o->payload_len, data.p, data.len);
		o->payload_len += data.len;
		o->used += used;
	}
	o->is_done = b->is_done;
}

static void
read_chunked(const char *in, size_t len, size_t step, struct outcome *o)
{
	struct gw_http_msg m = { .framing = GW_BODY_CHUNKED };
	struct gw_http_body b;

	gw_http_body_init(&b, &m);
	feed(&b, in, len, step, o);
}

static const struct refusal {
	const char *in;
	size_t len;
	const char *rule;
} refusals[] = {
	{ TEXT("\r\n"), "chunk-size" },
	{ TEXT(" 1\r\na\r\n"), "chunk-size" },
	{ TEXT("1 \r\na\r\n"), "chunk-size" },
	{ TEXT("1\t;a\r\na\r\n"), "chunk-size" },
	{ TEXT("+1\r\na\r\n"), "chunk-size" },
	{ TEXT("-1\r\na\r\n"), "chunk-size" },
	{ TEXT("0x1\r\na\r\n"), "chunk-size" },
	{ TEXT("g\r\n"), "chunk-size" },
	{ TEXT("1,1\r\n"), "chunk-size" },
	{ TEXT(";a\r\n"), "chunk-size" },
	{ TEXT("\0"), "chunk-size" },
	{ TEXT("1\0\r\n"), "chunk-size" },
	{ TEXT("00000000000000001\r\na"), "chunk-size" },
	{ TEXT("8000000000000000\r\n"), "chunk-size" },
	{ TEXT("ffffffffffffffff\r\n"), "chunk-size" },
	{ TEXT("10000000000000001\r\n"), "chunk-size" },
	{ TEXT("\n"), "bare-lf" },
	{ TEXT("1\na\r\n"), "bare-lf" },
	{ TEXT("1;a\nb\r\n"), "bare-lf" },
	{ TEXT("1;\n"), "bare-lf" },
	{ TEXT("1\r\na\n0\r\n\r\n"), "bare-lf" },
	{ TEXT("0\r\n\n"), "bare-lf" },
	{ TEXT("0\r\nX: y\n\r\n"), "bare-lf" },
	{ TEXT("0\r\nX\n"), "bare-lf" },
	{ TEXT("1\ra\r\n"), "bare-cr" },
	{ TEXT("1\r\ra"), "bare-cr" },
	{ TEXT("1;a\rb\r\n"), "bare-cr" },
	{ TEXT("1\r\na\r0"), "bare-cr" },
	{ TEXT("0\r\n\rX"), "bare-cr" },
	{ TEXT("0\r\nX: y\rz\r\n\r\n"), "bare-cr" },
	{ TEXT("1;\r\na"), "chunk-extension" },
	{ TEXT("1;;a\r\na"), "chunk-extension" },
	{ TEXT("1;=a\r\na"), "chunk-extension" },
	{ TEXT("1;a\0b\r\na"), "chunk-extension" },
	{ TEXT("1;a=\"\x01\"\r\na"), "chunk-extension" },
	{ TEXT("1;a[=x\r\na"), "chunk-extension" },
	{ TEXT("1;a(\r\na"), "chunk-extension" },
	{ TEXT("1;a \r\na"), "chunk-extension" },
	{ TEXT("1;a=\r\na"), "chunk-extension" },
	{ TEXT("1;a= \r\na"), "chunk-extension" },
	{ TEXT("1;a==b\r\na"), "chunk-extension" },
	{ TEXT("1;a=;b\r\na"), "chunk-extension" },
	{ TEXT("1;a=b[\r\na"), "chunk-extension" },
	{ TEXT("1;a=b \r\na"), "chunk-extension" },
	{ TEXT("1;a=b c\r\na"), "chunk-extension" },
	{ TEXT("1;a=b=c\r\na"), "chunk-extension" },
	{ TEXT("1;a=b:c\r\na"), "chunk-extension" },
	{ TEXT("1;a b\r\na"), "chunk-extension" },
	{ TEXT("1;a=\"b\r\na"), "chunk-extension" },
	{ TEXT("1;a=\"b\"c\r\na"), "chunk-extension" },
	{ TEXT("1;a=\"b\" \r\na"), "chunk-extension" },
	{ TEXT("1;a=\"b\\\r\na"), "chunk-extension" },
	{ TEXT("1;a=\"\\\"\r\na"), "chunk-extension" },
	{ TEXT("1;a=b\"c\"\r\na"), "chunk-extension" },
	{ TEXT("1;\"a\"\r\na"), "chunk-extension" },
	{ TEXT("1;a;\r\na"), "chunk-extension" },
	{ TEXT("1; \r\na"), "chunk-extension" },
	{ TEXT("1;a=\xff\r\na"), "chunk-extension" },
	{ TEXT("1;a\x7f\r\na"), "chunk-extension" },
	{ TEXT("1\r\nab\r\n"), "chunk-end" },
	{ TEXT("2\r\na\r\nb"), "bare-lf" },
	{ TEXT("1\r\na0\r\n\r\n"), "chunk-end" },
	{ TEXT("0\r\n X: y\r\n\r\n"), "obs-fold" },
	{ TEXT("0\r\nX: y\r\n z\r\n\r\n"), "obs-fold" },
	{ TEXT("0\r\n: y\r\n\r\n"), "name-empty" },
	{ TEXT("0\r\nX : y\r\n\r\n"), "name-space" },
	{ TEXT("0\r\nX(: y\r\n\r\n"), "name-character" },
	{ TEXT("0\r\n(\r\n\r\n"), "name-character" },
	{ TEXT("0\r\n;\r\n\r\n"), "name-character" },
	{ TEXT("0\r\n\0\r\n\r\n"), "name-character" },
	{ TEXT("0\r\nGET / HTTP/1.1\r\n"), "name-space" },
	{ TEXT("0\r\nX\r\n\r\n"), "no-colon" },
	{ TEXT("0\r\nX: \0\r\n\r\n"), "value-control" },
	{ TEXT("0\r\nX: \x7f\r\n\r\n"), "value-control" },
};

Test(body, refused)
{
	static struct outcome o;

	for (size_t i = 0; i < GW_COUNT(refusals); i++)
		for (size_t step = 1; step < 40; step += 38) {
			const struct refusal *c = &refusals[i];

			read_chunked(c->in, c->len, step, &o);
			cr_expect_eq(o.code, GW_ERR_HTTP_BAD_REQUEST, "%zu: %s",
				     i, c->in);
			cr_expect(names_rule(&o.err, c->rule),
				  "%s: not %s but %s", c->in, c->rule,
				  o.err.detail);
			cr_expect_not(o.is_done);
		}
}

static const struct reading {
	const char *in, *want;
	bool is_done;
	size_t rest; /* bytes of the next message behind it */
} readings[] = {
	{ "0\r\n\r\n", "", true, 0 },
	{ "0\r\n\r\nGET", "", true, 3 },
	{ "000\r\n\r\n", "", true, 0 },
	{ "5\r\nhello\r\n0\r\n\r\n", "hello", true, 0 },
	{ "0000000000000005\r\nhello\r\n0\r\n\r\n", "hello", true, 0 },
	{ "1\r\na\r\nA\r\n0123456789\r\n0\r\n\r\nx", "a0123456789", true, 1 },
	{ "2;a\r\n\r\n\r\n0;b=c\r\n\r\n", "\r\n", true, 0 },
	{ "1; a=\"b;c\" ;d\t= e\t;f\r\nx\r\n0\r\n\r\n", "x", true, 0 },
	{ "1;a=\"\";b=\"\\\"\\\\\xff=\"\r\nx\r\n0;c\r\n\r\n", "x", true, 0 },
	{ "1\r\nx\r\n0\r\nA: b\r\nC:\r\nD:\te\tf\x80\r\n\r\ny", "x", true, 1 },
	{ "3\r\nab", "ab", false, 0 },
	{ "3\r\nabc\r\n0\r\n\r", "abc", false, 0 },
	{ "", "", false, 0 },
};

Test(body, chunked)
{
	static struct outcome o;

	for (size_t i = 0; i < GW_COUNT(readings); i++)
		for (size_t step = 1; step < 100; step++) {
			const struct reading *c = &readings[i];
			size_t len = strlen(c->in);

			read_chunked(c->in, len, step, &o);
			cr_expect_eq(o.code, GW_ERR_OK, "%s: %s", c->in,
				     o.err.detail);
			cr_expect_eq(o.is_done, c->is_done, "%s", c->in);
			cr_expect_eq(len - o.used, c->rest, "%s", c->in);
			cr_expect_eq(o.payload_len, strlen(c->want));
			cr_expect_eq(memcmp(o.payload, c->want, o.payload_len),
				     0, "%s", c->in);
		}
}

#define LAST "0\r\n\r\n"

static const struct bound {
	const char *what, *head, *unit;
	size_t count; /* of units */
	const char *tail, *rule; /* NULL: passes */
} bounds[] = {
	{ "a chunk line of 256", "1;", "a", 253, "\r\nx\r\n" LAST, NULL },
	{ "a longer one", "1;", "a", 254, "\r\nx\r\n" LAST,
	  "chunk-line-too-long" },
	{ "endless white space", "1;", " ", 255, "", "chunk-line-too-long" },
	{ "trailers of 8192", "0\r\n", "X: yyyyy\r\n", 819, "\r\n", NULL },
	{ "more trailers", "0\r\n", "X: yyyyy\r\n", 819, "X:\r\n\r\n",
	  "trailer-too-long" },
	{ "one endless trailer", "0\r\nX:", "a", 9000, "",
	  "trailer-too-long" },
	{ "chunks of one byte", "", "1\r\na\r\n", 30000, LAST, NULL },
	{ "with small extensions", "", "1;a\r\na\r\n", 20000, LAST, NULL },
	{ "with large extensions", "", "1;abcdefghijklmno\r\na\r\n", 8000,
	  LAST, "chunk-overhead" },
	{ "with leading zeros", "", "000000000001\r\na\r\n", 8000, LAST,
	  "chunk-overhead" },
};

/* The caller frees it. */
static char *
build(const struct bound *c, size_t *out_len)
{
	size_t head = strlen(c->head), unit = strlen(c->unit);
	size_t tail = strlen(c->tail);
	char *buf = malloc(head + unit * c->count + tail + 1), *p = buf;

	cr_assert(buf != NULL);
	memcpy(p, c->head, head);
	p += head;
	for (size_t i = 0; i < c->count; i++, p += unit)
		memcpy(p, c->unit, unit);
	memcpy(p, c->tail, tail);
	*out_len = (size_t)(p - buf) + tail;
	return buf;
}

Test(body, bounds)
{
	static struct outcome o;
	size_t len;

	for (size_t i = 0; i < GW_COUNT(bounds); i++) {
		const struct bound *c = &bounds[i];
		char *in = build(c, &len);

		read_chunked(in, len, 4096, &o);
		cr_expect_eq(o.is_done, c->rule == NULL, "%s: %s", c->what,
			     o.err.detail);
		cr_expect(c->rule == NULL || names_rule(&o.err, c->rule),
			  "%s: %s", c->what, o.err.detail);
		free(in);
	}
}

/* ---- every byte, wherever its kind matters */

static bool
is_hex(int c)
{
	return isxdigit(c) && c < 128;
}

/* RFC 9110 5.6.2 */
static bool
is_tchar(int c)
{
	return c < 128 && c != 0 &&
	       (isalnum(c) || strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool
is_text(int c)
{
	return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool
is_none(int c)
{
	(void)c;
	return false;
}

/* The byte comes behind `before`; `others` lead elsewhere from there. */
static const struct place {
	const char *what, *before, *others;
	bool (*is_allowed)(int c);
} places[] = {
	{ "chunk size", "1", "\r;", is_hex },
	{ "extension's first", "0;", " \t", is_tchar },
	{ "extension's name", "0;a", "\r \t;=", is_tchar },
	{ "behind it", "0;a ", " \t;=", is_none },
	{ "extension's value", "0;a=", " \t\"", is_tchar },
	{ "value's next", "0;a=b", "\r \t;", is_tchar },
	{ "quoted value", "0;a=\"", "\"\\", is_text },
	{ "quoted pair", "0;a=\"\\", "", is_text },
	{ "behind the quotes", "0;a=\"\"", "\r \t;", is_none },
	{ "behind the value", "0;a=b ", " \t;", is_none },
	{ "trailer name", "0\r\na", ":", is_tchar },
	{ "trailer value", "0\r\na:", "\r", is_text },
};

Test(body, every_byte)
{
	static struct outcome o;
	char in[16];

	for (size_t i = 0; i < GW_COUNT(places); i++)
		for (int c = 0; c < 256; c++) {
			const struct place *p = &places[i];
			size_t len = strlen(p->before);

			if (c != 0 && strchr(p->others, c) != NULL)
				continue;
			memcpy(in, p->before, len);
			in[len] = (char)c;
			read_chunked(in, len + 1, 64, &o);
			cr_expect_eq(o.code == GW_ERR_OK, p->is_allowed(c),
				     "%s: 0x%02x", p->what, c);
		}
}

Test(body, large_chunk_is_counted)
{
	struct gw_http_msg m = { .framing = GW_BODY_CHUNKED };
	static struct outcome o;
	struct gw_http_body b;

	gw_http_body_init(&b, &m);
	feed(&b, TEXT("7fffffffffffffff\r\nabc"), 64, &o);
	cr_expect_eq(o.code, GW_ERR_OK);
	cr_expect_eq(b.left, (uint64_t)INT64_MAX - 3);
	cr_expect_eq(b.total, 3);
	cr_expect_not(gw_http_body_eof(&b));
}

Test(body, length)
{
	struct gw_http_msg m = {
		.framing = GW_BODY_LENGTH, .content_length = 5,
	};
	static struct outcome o;
	struct gw_http_body b;

	gw_http_body_init(&b, &m);
	feed(&b, TEXT("hel"), 2, &o);
	cr_expect_not(o.is_done);
	cr_expect_not(gw_http_body_eof(&b), "the stream ends too early");
	feed(&b, TEXT("lo, next"), 64, &o);
	cr_expect(o.is_done);
	cr_expect_eq(o.used, 2);
	cr_expect_eq(b.total, 5);
	cr_expect(gw_http_body_eof(&b));
}

Test(body, none_and_empty)
{
	struct gw_http_msg none = { .framing = GW_BODY_NONE };
	struct gw_http_msg empty = { .framing = GW_BODY_LENGTH };
	struct gw_http_body b;
	struct gw_str data;
	size_t used;

	gw_http_body_init(&b, &empty);
	cr_expect(b.is_done);
	gw_http_body_init(&b, &none);
	cr_expect(b.is_done);
	cr_expect(gw_http_body_eof(&b));
	cr_expect_eq(gw_http_body_read(&b, "GET", 3, &used, &data, NULL),
		     GW_ERR_OK);
	cr_expect_eq(used, 0);
	cr_expect_eq(data.len, 0);
}

Test(body, until_close)
{
	struct gw_http_msg m = { .framing = GW_BODY_CLOSE };
	static struct outcome o;
	struct gw_http_body b;

	gw_http_body_init(&b, &m);
	feed(&b, TEXT("0\r\n\r\n"), 64, &o);
	cr_expect_not(o.is_done);
	cr_expect_eq(b.total, 5);
	cr_expect(gw_http_body_eof(&b));
	cr_expect(b.is_done);
}

Test(body, chunk_heads)
{
	static const struct {
		size_t len;
		const char *want;
	} heads[] = {
		{ 0, "0\r\n" },
		{ 1, "1\r\n" },
		{ 15, "f\r\n" },
		{ 16, "10\r\n" },
		{ 500, "1f4\r\n" },
		{ SIZE_MAX, "ffffffffffffffff\r\n" },
	};
	char out[18];

	for (size_t i = 0; i < GW_COUNT(heads); i++) {
		size_t n = gw_http_chunk_head(out, heads[i].len);

		cr_expect_eq(n, strlen(heads[i].want));
		cr_expect_eq(memcmp(out, heads[i].want, n), 0, "%s",
			     heads[i].want);
	}
}

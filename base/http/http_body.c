/* http_body.c — bodies: by length, chunked (RFC 9112 7.1), until close. The
 * framing of chunks is a table of states; extensions and trailers are checked
 * and dropped. */
#include "http_priv.h"

#include <string.h>

#define SIZE_DIGITS_MAX 16
#define LINE_MAX        256
#define TRAILER_MAX     8192
/* Framing may cost 16 KiB, and 8 bytes for each byte of data: chunks of one
 * byte take 5, and no more is needed. */
#define OVERHEAD_FREE   16384
#define OVERHEAD_FACTOR 8

/* What a byte is to chunk framing: bad (control), hex digit, other token
 * character, other text, '=', '"', '\\', ':', ';', white space, CR, LF. */
enum kind {
	X, H, T, V, E, Q, K, C, S, B, R, N, KIND_COUNT
};

static const uint8_t kinds[256] = {
	X, X, X, X, X, X, X, X, X, B, N, X, X, R, X, X,
	X, X, X, X, X, X, X, X, X, X, X, X, X, X, X, X,
	B, T, Q, T, T, T, T, T, V, V, T, T, V, T, T, V,
	H, H, H, H, H, H, H, H, H, H, C, S, V, E, V, V,
	V, H, H, H, H, H, H, T, T, T, T, T, T, T, T, T,
	T, T, T, T, T, T, T, T, T, T, T, V, K, V, T, T,
	T, H, H, H, H, H, H, T, T, T, T, T, T, T, T, T,
	T, T, T, T, T, T, T, T, T, T, T, V, T, V, T, X,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
	V, V, V, V, V, V, V, V, V, V, V, V, V, V, V, V,
};

enum state {
	SIZE_START, SIZE,
	EXT_START, EXT_NAME, EXT_NAMED, EXT_VALUE, EXT_TOKEN, EXT_QUOTED,
	EXT_ESCAPED, EXT_CLOSED, EXT_END,
	SIZE_LF,
	DATA, DATA_CR, DATA_LF,
	TRAILER, TRAILER_NAME, TRAILER_VALUE, TRAILER_LF, LAST_LF,
	DONE, STATE_COUNT
};

/* In each state: where each kind of byte leads, or, negative, the rule it
 * breaks. */
#define NO(rule)  (-(int)GW_RULE_##rule)
#define TOKEN(to) [H] = (to), [T] = (to)
#define MARKS(to) [V] = (to), [E] = (to), [Q] = (to), [K] = (to)
#define TEXT(to)  TOKEN(to), MARKS(to), [C] = (to), [S] = (to), [B] = (to)
#define LF_TO(to) { [X] = NO(BARE_CR), TEXT(NO(BARE_CR)), \
		    [R] = NO(BARE_CR), [N] = (to) }
static const int8_t next[STATE_COUNT][KIND_COUNT] = {
	[SIZE_START] = {
		[X] = NO(CHUNK_SIZE), [H] = SIZE, [T] = NO(CHUNK_SIZE),
		MARKS(NO(CHUNK_SIZE)), [C] = NO(CHUNK_SIZE),
		[S] = NO(CHUNK_SIZE), [B] = NO(CHUNK_SIZE),
		[R] = NO(CHUNK_SIZE), [N] = NO(BARE_LF),
	},
	[SIZE] = { /* RFC 9112 7.1.1 has white space before ';', senders not */
		[X] = NO(CHUNK_SIZE), [H] = SIZE, [T] = NO(CHUNK_SIZE),
		MARKS(NO(CHUNK_SIZE)), [C] = NO(CHUNK_SIZE), [S] = EXT_START,
		[B] = NO(CHUNK_SIZE), [R] = SIZE_LF, [N] = NO(BARE_LF),
	},
	[EXT_START] = {
		[X] = NO(CHUNK_EXT), TOKEN(EXT_NAME), MARKS(NO(CHUNK_EXT)),
		[C] = NO(CHUNK_EXT), [S] = NO(CHUNK_EXT), [B] = EXT_START,
		[R] = NO(CHUNK_EXT), [N] = NO(BARE_LF),
	},
	[EXT_NAME] = {
		[X] = NO(CHUNK_EXT), TOKEN(EXT_NAME), [V] = NO(CHUNK_EXT),
		[E] = EXT_VALUE, [Q] = NO(CHUNK_EXT), [K] = NO(CHUNK_EXT),
		[C] = NO(CHUNK_EXT), [S] = EXT_START, [B] = EXT_NAMED,
		[R] = SIZE_LF, [N] = NO(BARE_LF),
	},
	[EXT_NAMED] = { /* white space behind the name */
		[X] = NO(CHUNK_EXT), TOKEN(NO(CHUNK_EXT)),
		[V] = NO(CHUNK_EXT), [E] = EXT_VALUE, [Q] = NO(CHUNK_EXT),
		[K] = NO(CHUNK_EXT), [C] = NO(CHUNK_EXT), [S] = EXT_START,
		[B] = EXT_NAMED, [R] = NO(CHUNK_EXT), [N] = NO(BARE_LF),
	},
	[EXT_VALUE] = {
		[X] = NO(CHUNK_EXT), TOKEN(EXT_TOKEN), [V] = NO(CHUNK_EXT),
		[E] = NO(CHUNK_EXT), [Q] = EXT_QUOTED, [K] = NO(CHUNK_EXT),
		[C] = NO(CHUNK_EXT), [S] = NO(CHUNK_EXT), [B] = EXT_VALUE,
		[R] = NO(CHUNK_EXT), [N] = NO(BARE_LF),
	},
	[EXT_TOKEN] = {
		[X] = NO(CHUNK_EXT), TOKEN(EXT_TOKEN), MARKS(NO(CHUNK_EXT)),
		[C] = NO(CHUNK_EXT), [S] = EXT_START, [B] = EXT_END,
		[R] = SIZE_LF, [N] = NO(BARE_LF),
	},
	[EXT_QUOTED] = {
		[X] = NO(CHUNK_EXT), TOKEN(EXT_QUOTED), [V] = EXT_QUOTED,
		[E] = EXT_QUOTED, [Q] = EXT_CLOSED, [K] = EXT_ESCAPED,
		[C] = EXT_QUOTED, [S] = EXT_QUOTED, [B] = EXT_QUOTED,
		[R] = NO(CHUNK_EXT), [N] = NO(BARE_LF),
	},
	[EXT_ESCAPED] = {
		[X] = NO(CHUNK_EXT), TEXT(EXT_QUOTED), [R] = NO(CHUNK_EXT),
		[N] = NO(BARE_LF),
	},
	[EXT_CLOSED] = {
		[X] = NO(CHUNK_EXT), TOKEN(NO(CHUNK_EXT)),
		MARKS(NO(CHUNK_EXT)), [C] = NO(CHUNK_EXT), [S] = EXT_START,
		[B] = EXT_END, [R] = SIZE_LF, [N] = NO(BARE_LF),
	},
	[EXT_END] = { /* white space behind the value */
		[X] = NO(CHUNK_EXT), TOKEN(NO(CHUNK_EXT)),
		MARKS(NO(CHUNK_EXT)), [C] = NO(CHUNK_EXT), [S] = EXT_START,
		[B] = EXT_END, [R] = NO(CHUNK_EXT), [N] = NO(BARE_LF),
	},
	[SIZE_LF] = LF_TO(DATA),
	[DATA_CR] = {
		[X] = NO(CHUNK_END), TEXT(NO(CHUNK_END)), [R] = DATA_LF,
		[N] = NO(BARE_LF),
	},
	[DATA_LF] = LF_TO(SIZE_START),
	[TRAILER] = {
		[X] = NO(NAME_CHAR), TOKEN(TRAILER_NAME),
		MARKS(NO(NAME_CHAR)), [C] = NO(NAME_EMPTY),
		[S] = NO(NAME_CHAR), [B] = NO(OBS_FOLD), [R] = LAST_LF,
		[N] = NO(BARE_LF),
	},
	[TRAILER_NAME] = {
		[X] = NO(NAME_CHAR), TOKEN(TRAILER_NAME),
		MARKS(NO(NAME_CHAR)), [C] = TRAILER_VALUE,
		[S] = NO(NAME_CHAR), [B] = NO(NAME_SPACE),
		[R] = NO(NO_COLON), [N] = NO(BARE_LF),
	},
	[TRAILER_VALUE] = {
		[X] = NO(VALUE_CONTROL), TEXT(TRAILER_VALUE),
		[R] = TRAILER_LF, [N] = NO(BARE_LF),
	},
	[TRAILER_LF] = LF_TO(TRAILER),
	[LAST_LF] = LF_TO(DONE),
};
#undef LF_TO
#undef TEXT
#undef MARKS
#undef TOKEN
#undef NO
_Static_assert(GW_RULE_COUNT <= 128, "rules fit the table's negative half");

void
gw_http_body_init(struct gw_http_body *b, const struct gw_http_msg *m)
{
	*b = (struct gw_http_body){ .framing = m->framing };
	b->state = m->framing == GW_BODY_CHUNKED ? SIZE_START : DATA;
	if (m->framing == GW_BODY_LENGTH)
		b->left = m->content_length;
	else if (m->framing == GW_BODY_CLOSE)
		b->left = UINT64_MAX;
	b->is_done = m->framing != GW_BODY_CHUNKED && b->left == 0;
}

/* ---- chunk framing, byte by byte */

static uint64_t
hex_value(uint8_t c)
{
	return c <= '9' ? (uint64_t)(c - '0')
			: (uint64_t)((c | 0x20) - 'a') + 10;
}

static enum gw_http_rule
on_size_digit(struct gw_http_body *b, uint8_t c)
{
	if (b->line_len > SIZE_DIGITS_MAX || b->left > INT64_MAX >> 4)
		return GW_RULE_CHUNK_SIZE;
	b->left = b->left << 4 | hex_value(c);
	return GW_RULE_OK;
}

static enum gw_http_rule
on_size_line(struct gw_http_body *b)
{
	b->line_len = 0;
	if (b->overhead > OVERHEAD_FREE + b->total * OVERHEAD_FACTOR)
		return GW_RULE_CHUNK_OVERHEAD;
	if (b->left == 0)
		b->state = TRAILER;
	return GW_RULE_OK;
}

/* What goes with having moved to b->state by `c`. */
static enum gw_http_rule
enter(struct gw_http_body *b, uint8_t c)
{
	if (b->state <= SIZE_LF && ++b->line_len > LINE_MAX)
		return GW_RULE_CHUNK_LINE;
	if (b->state == SIZE)
		return on_size_digit(b, c);
	if (b->state == DATA)
		return on_size_line(b);
	if (b->state == SIZE_START)
		b->line_len = 0;
	if (b->state >= TRAILER && ++b->trailer_len > TRAILER_MAX)
		return GW_RULE_TRAILER_LONG;
	b->is_done = b->state == DONE;
	return GW_RULE_OK;
}

static enum gw_http_rule
step(struct gw_http_body *b, uint8_t c)
{
	int to = next[b->state][kinds[c]];

	if (to < 0)
		return (enum gw_http_rule)-to;
	b->state = to;
	b->overhead++;
	return enter(b, c);
}

/* ---- payload */

static size_t
take_data(struct gw_http_body *b, const char *p, size_t len,
	  struct gw_str *data)
{
	size_t n = b->left < len ? (size_t)b->left : len;

	*data = (struct gw_str){ p, n };
	b->total += n;
	if (b->framing != GW_BODY_CLOSE)
		b->left -= n;
	if (b->left > 0)
		return n;
	if (b->framing == GW_BODY_CHUNKED)
		b->state = DATA_CR;
	else
		b->is_done = true;
	return n;
}

enum gw_err
gw_http_body_read(struct gw_http_body *b, const char *buf, size_t len,
		  size_t *used, struct gw_str *data, struct gw_error *err)
{
	enum gw_http_rule rule;
	size_t i = 0;

	*used = 0;
	*data = (struct gw_str){ buf, 0 };
	while (i < len && !b->is_done) {
		if (b->state == DATA) {
			i += take_data(b, buf + i, len - i, data);
			break;
		}
		if ((rule = step(b, (uint8_t)buf[i++])) != GW_RULE_OK)
			return gw_http_refuse(err, GW_ERR_OK, rule);
	}
	*used = i;
	return GW_ERR_OK;
}

bool
gw_http_body_eof(struct gw_http_body *b)
{
	if (b->framing == GW_BODY_CLOSE)
		b->is_done = true;
	return b->is_done;
}

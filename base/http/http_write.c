/* http_write.c — messages written anew from what was understood. */
#include "http_priv.h"
#include "gw/util.h"

#include <string.h>

#define BIT(id) (UINT32_C(1) << GW_HF_##id)

/* ---- the buffer */

/* Room for `len` bytes, or NULL and the writer bad for good. */
static char *
reserve(struct gw_out *o, size_t len)
{
	char *at = o->p + o->len;

	if (o->bad || len > o->cap - o->len) {
		o->bad = true;
		return NULL;
	}
	o->len += len;
	return at;
}

static char *
put(char *at, const char *p, size_t len)
{
	if (len > 0)
		memcpy(at, p, len);
	return at + len;
}

static void
out_line(struct gw_out *o, struct gw_str name, struct gw_str value)
{
	char *at = reserve(o, name.len + value.len + 4);

	if (at == NULL)
		return;
	at = put(at, name.p, name.len);
	at = put(at, ": ", 2);
	at = put(at, value.p, value.len);
	put(at, "\r\n", 2);
}

static bool
is_name(const char *s)
{
	const char *p = s;

	while (gw_http_is_token(*p))
		p++;
	return p > s && *p == '\0';
}

void
gw_out_field(struct gw_out *o, const char *name, const char *value)
{
	const char *p = value;

	while (gw_http_is(*p, GW_CT_TEXT))
		p++;
	if (!is_name(name) || *p != '\0') {
		o->bad = true;
		return;
	}
	out_line(o, (struct gw_str){ name, strlen(name) },
		 (struct gw_str){ value, (size_t)(p - value) });
}

/* ---- base64 (RFC 4648 4) */

static const char base64[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
			     "abcdefghijklmnopqrstuvwxyz0123456789+/";

/* One to three bytes as four characters. */
static void
put_base64(char out[4], const uint8_t *p, size_t len)
{
	uint32_t v = (uint32_t)p[0] << 16;

	if (len > 1)
		v |= (uint32_t)p[1] << 8;
	if (len > 2)
		v |= p[2];
	out[0] = base64[v >> 18];
	out[1] = base64[v >> 12 & 63];
	out[2] = len > 1 ? base64[v >> 6 & 63] : '=';
	out[3] = len > 2 ? base64[v & 63] : '=';
}

void
gw_out_bytes_field(struct gw_out *o, const char *name, const uint8_t *p,
		   size_t len)
{
	char *at;

	if (!is_name(name) || len > o->cap) {
		o->bad = true;
		return;
	}
	gw_out_str(o, name);
	gw_out_raw(o, ": :", 3);
	if ((at = reserve(o, (len + 2) / 3 * 4)) == NULL)
		return;
	for (size_t i = 0; i < len; i += 3, at += 4)
		put_base64(at, p + i, len - i);
	gw_out_raw(o, ":\r\n", 3);
}

/* ---- numbers */

size_t
gw_http_chunk_head(char out[18], size_t len)
{
	static const char digits[] = "0123456789abcdef";
	size_t n = 1;

	for (size_t rest = len >> 4; rest > 0; rest >>= 4)
		n++;
	for (size_t i = n; i > 0; len >>= 4)
		out[--i] = digits[len & 15];
	out[n] = '\r';
	out[n + 1] = '\n';
	return n + 2;
}

/* Decimal digits, the last one at end[-1]. */
static struct gw_str
decimal(uint64_t n, char *end)
{
	char *p = end;

	do
		*--p = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	return (struct gw_str){ p, (size_t)(end - p) };
}

#define OUT_LITERAL(o, s) gw_out_raw(o, s, sizeof(s) - 1)

static void
out_str(struct gw_out *o, struct gw_str s)
{
	gw_out_raw(o, s.p, s.len);
}

static void
out_content_length(struct gw_out *o, uint64_t n)
{
	char digits[20];

	OUT_LITERAL(o, "Content-Length: ");
	out_str(o, decimal(n, digits + sizeof(digits)));
	OUT_LITERAL(o, "\r\n");
}

static void
out_upgrade(struct gw_out *o, struct gw_str protocol)
{
	static const struct gw_str name = { "Upgrade", 7 };

	OUT_LITERAL(o, "Connection: upgrade\r\n");
	out_line(o, name, protocol);
}

/* ---- request */

/* Ours to write, or to leave out. */
static const uint32_t not_forwarded =
	BIT(CONTENT_LENGTH) | BIT(EXPECT) | BIT(HOST) | BIT(FORWARDED) |
	BIT(X_FORWARDED_FOR) | BIT(X_FORWARDED_HOST) | BIT(X_FORWARDED_PROTO) |
	BIT(X_FORWARDED) | BIT(CLIENT_CERT) | BIT(CLIENT_CERT_CHAIN);

/* Bit per first character that an owned name has: most fields need no closer
 * look. */
static uint32_t
first_bit(char c)
{
	return UINT32_C(1) << (gw_http_fold[(uint8_t)c] & 31);
}

static uint32_t
first_bits(const char *const *owned)
{
	uint32_t bits = 0;

	for (; owned != NULL && *owned != NULL; owned++)
		bits |= first_bit(**owned);
	return bits;
}

static void
out_request_fields(struct gw_out *o, const struct gw_http_msg *m,
		   const char *const *owned)
{
	uint32_t firsts = first_bits(owned);

	for (size_t i = 0; i < m->field_count; i++) {
		const struct gw_http_field *f = &m->field[i];

		if (f->is_hop || (not_forwarded >> f->id & 1) != 0 ||
		    (f->id == GW_HF_MAX_FORWARDS && m->has_max_forwards))
			continue;
		if ((firsts & first_bit(f->name.p[0])) != 0 &&
		    gw_http_is_owned(f->name, owned))
			continue;
		out_line(o, f->name, f->value);
	}
}

static void
out_request_framing(struct gw_out *o, const struct gw_http_msg *m)
{
	if (m->framing == GW_BODY_CHUNKED)
		OUT_LITERAL(o, "Transfer-Encoding: chunked\r\n");
	else if (m->framing == GW_BODY_LENGTH)
		out_content_length(o, m->content_length);
}

static void
out_max_forwards(struct gw_out *o, const struct gw_http_msg *m)
{
	char digits[20];

	if (!m->has_max_forwards)
		return;
	if (m->max_forwards == 0) {
		o->bad = true;
		return;
	}
	OUT_LITERAL(o, "Max-Forwards: ");
	out_str(o, decimal(m->max_forwards - 1, digits + sizeof(digits)));
	OUT_LITERAL(o, "\r\n");
}

/* Serialised elsewhere; without its last CRLF it would run into ours. */
static void
out_extra(struct gw_out *o, const char *p, size_t len)
{
	if (len == 0)
		return;
	if (len < 2 || memcmp(p + len - 2, "\r\n", 2) != 0)
		o->bad = true;
	gw_out_raw(o, p, len);
}

void
gw_http_write_request(struct gw_out *o, const struct gw_http_msg *m,
		      const struct gw_http_forward *f)
{
	static const struct gw_str host = { "Host", 4 };

	out_str(o, m->method);
	OUT_LITERAL(o, " ");
	out_str(o, m->path);
	OUT_LITERAL(o, " HTTP/1.1\r\n");
	/* First, as RFC 9110 7.2 advises; empty when HTTP/1.0 named none. */
	out_line(o, host, m->host);
	out_request_fields(o, m, f->owned);
	out_request_framing(o, m);
	out_max_forwards(o, m);
	if (f->upgrade && m->wants_upgrade)
		out_upgrade(o, m->upgrade);
	out_extra(o, f->extra, f->extra_len);
	OUT_LITERAL(o, "\r\n");
}

/* ---- response */

/* The first of them, or NULL. */
static const struct gw_http_field *
find_field(const struct gw_http_msg *m, enum gw_http_name id)
{
	for (size_t i = 0; i < m->field_count; i++)
		if (m->field[i].id == id)
			return &m->field[i];
	return NULL;
}

/* No body may still have a length: HEAD and 304 tell what it would be
 * (RFC 9110 8.6). */
static void
out_response_framing(struct gw_out *o, const struct gw_http_msg *m,
		     int client_minor)
{
	if (m->status < 200 || m->status == 204)
		return;
	if (m->framing == GW_BODY_CHUNKED || m->framing == GW_BODY_CLOSE) {
		if (client_minor > 0)
			OUT_LITERAL(o, "Transfer-Encoding: chunked\r\n");
	} else if (m->framing == GW_BODY_LENGTH ||
		   find_field(m, GW_HF_CONTENT_LENGTH) != NULL) {
		out_content_length(o, m->content_length);
	}
}

/* Whether the client, being HTTP/1.0, learns of the end by the close. */
static bool
ends_by_close(const struct gw_http_msg *m, int client_minor)
{
	return client_minor == 0 && (m->framing == GW_BODY_CHUNKED ||
				     m->framing == GW_BODY_CLOSE);
}

static void
out_response_connection(struct gw_out *o, const struct gw_http_msg *m,
			const struct gw_http_reply *r)
{
	if (m->status < 200) /* interim: says nothing of the connection */
		return;
	if (!r->keep_alive || ends_by_close(m, r->client_minor))
		OUT_LITERAL(o, "Connection: close\r\n");
	else if (r->client_minor == 0)
		OUT_LITERAL(o, "Connection: keep-alive\r\n");
}

static void
out_status_line(struct gw_out *o, const struct gw_http_msg *m)
{
	char digits[20];

	OUT_LITERAL(o, "HTTP/1.1 ");
	out_str(o, decimal((uint64_t)m->status, digits + sizeof(digits)));
	OUT_LITERAL(o, " ");
	out_str(o, m->reason);
	OUT_LITERAL(o, "\r\n");
}

void
gw_http_date(char out[GW_HTTP_DATE_SIZE], time_t t)
{
	static const char days[] = "SunMonTueWedThuFriSat";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	struct tm tm;

	/* not strftime: its names are the locale's */
	gmtime_r(&t, &tm);
	gw_format(out, GW_HTTP_DATE_SIZE,
		  "%.3s, %02d %.3s %04d %02d:%02d:%02d GMT",
		  days + tm.tm_wday * 3, tm.tm_mday, months + tm.tm_mon * 3,
		  tm.tm_year + 1900, tm.tm_hour, tm.tm_min, tm.tm_sec);
}

static bool
has_date(const struct gw_http_msg *m)
{
	for (size_t i = 0; i < m->field_count; i++)
		if (m->field[i].id == GW_HF_DATE && !m->field[i].is_hop)
			return true;
	return false;
}

static void
out_date(struct gw_out *o, const struct gw_http_msg *m, const char *date)
{
	if (date == NULL || m->status < 200 || has_date(m))
		return;
	OUT_LITERAL(o, "Date: ");
	gw_out_str(o, date);
	OUT_LITERAL(o, "\r\n");
}

/* Nothing changes hands: a 426 must say what would be accepted (RFC 9110
 * 15.5.22), also when its server forgot the connection option. */
static void
out_offer(struct gw_out *o, const struct gw_http_msg *m)
{
	const struct gw_http_field *f = m->status == 426
		? find_field(m, GW_HF_UPGRADE) : NULL;

	if (f != NULL)
		out_upgrade(o, f->value);
}

void
gw_http_write_response(struct gw_out *o, const struct gw_http_msg *m,
		       const struct gw_http_reply *r)
{
	out_status_line(o, m);
	for (size_t i = 0; i < m->field_count; i++) {
		const struct gw_http_field *f = &m->field[i];

		if (!f->is_hop && f->id != GW_HF_CONTENT_LENGTH)
			out_line(o, f->name, f->value);
	}
	out_date(o, m, r->date);
	if (r->upgrade && m->wants_upgrade) {
		out_upgrade(o, m->upgrade);
	} else {
		out_offer(o, m);
		out_response_framing(o, m, r->client_minor);
		out_response_connection(o, m, r);
	}
	OUT_LITERAL(o, "\r\n");
}

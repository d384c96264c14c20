/* http_field.c — field lines, and what those fields say together that decide
 * where a message ends and what becomes of the connection. */
#include "http_priv.h"

#include <endian.h>
#include <string.h>

#define OPTIONS_MAX 32
#define LENGTH_DIGITS_MAX 19
/* The most forwards that are passed on, whatever more is allowed. */
#define FORWARDS_MAX 255

#define BIT(id) (UINT32_C(1) << GW_HF_##id)

/* RFC 9110 7.6.1, and what else concerns one connection only. */
static const uint32_t hop_by_hop =
	BIT(CONNECTION) | BIT(KEEP_ALIVE) | BIT(PROXY_AUTHENTICATE) |
	BIT(PROXY_AUTHORIZATION) | BIT(PROXY_CONNECTION) | BIT(TE) |
	BIT(TRAILER) | BIT(TRANSFER_ENCODING) | BIT(UPGRADE);

/* Where two parties that read different ones come apart. */
static const uint32_t framing = BIT(HOST) | BIT(CONTENT_LENGTH) |
				BIT(TRANSFER_ENCODING);

/* ---- one line */

enum gw_http_rule
gw_http_take_crlf(struct gw_http_head *h)
{
	const char *p = h->p;

	/* CR is never the last byte, LF is. */
	if (p[0] == '\r' && p[1] == '\n') {
		h->p = p + 2;
		return GW_RULE_OK;
	}
	if (*p == '\r')
		return GW_RULE_BARE_CR;
	if (*p == '\n')
		return GW_RULE_BARE_LF;
	return *p == '\0' ? GW_RULE_VALUE_NUL : GW_RULE_VALUE_CONTROL;
}

/* High bits set where one of eight bytes is below SP or is DEL, the first
 * byte lowest: the usual borrow tricks, for "less than 0x20" and for "zero
 * after xor with 0x7f". The lowest bit set is right; those above a hit may
 * be wrong, as the borrow travels upwards. */
static uint64_t
controls(uint64_t x)
{
	const uint64_t ones = UINT64_C(0x0101010101010101);
	uint64_t del = x ^ ones * 0x7f;

	return (((x - ones * 0x20) & ~x) | ((del - ones) & ~del)) & ones << 7;
}

const char *
gw_http_skip_text(const char *p, const char *end)
{
	uint64_t x, found;

	while (end - p >= 8) {
		memcpy(&x, p, sizeof(x));
		found = controls(le64toh(x));
		if (found == 0) {
			p += 8;
			continue;
		}
		p += __builtin_ctzll(found) / 8;
		if (*p != '\t')
			return p;
		p++;
	}
	while (gw_http_is(*p, GW_CT_TEXT))
		p++;
	return p;
}

/* Why the name that begins at h->p stops at `p`. */
static enum gw_http_rule
name_fault(const struct gw_http_head *h, const char *p)
{
	if (p == h->p && *p == ':')
		return GW_RULE_NAME_EMPTY;
	if (gw_http_is_blank(*p))
		return p == h->p ? GW_RULE_OBS_FOLD : GW_RULE_NAME_SPACE;
	if (*p == '\n')
		return GW_RULE_BARE_LF;
	if (*p == '\r')
		return p[1] == '\n' ? GW_RULE_NO_COLON : GW_RULE_BARE_CR;
	return GW_RULE_NAME_CHAR;
}

static enum gw_http_rule
take_name(struct gw_http_head *h, struct gw_str *out)
{
	const char *p = h->p;

	while (gw_http_is_token(*p))
		p++;
	if (*p != ':' || p == h->p)
		return name_fault(h, p);
	*out = (struct gw_str){ h->p, (size_t)(p - h->p) };
	h->p = p + 1;
	return GW_RULE_OK;
}

static enum gw_http_rule
take_value(struct gw_http_head *h, struct gw_str *out)
{
	const char *start = h->p, *stop;

	while (gw_http_is_blank(*start))
		start++;
	h->p = stop = gw_http_skip_text(start, h->end);
	while (stop > start && gw_http_is_blank(stop[-1]))
		stop--;
	*out = (struct gw_str){ start, (size_t)(stop - start) };
	return gw_http_take_crlf(h);
}

/* ---- one field */

static enum gw_http_rule
on_host(struct gw_http_head *h, struct gw_str value)
{
	if (!h->is_request)
		return GW_RULE_OK;
	if (gw_http_has(h, GW_HF_HOST))
		return GW_RULE_HOST_TWICE;
	h->m->host = value;
	return gw_http_check_host(value);
}

static enum gw_http_rule
on_content_length(struct gw_http_head *h, struct gw_str value)
{
	uint64_t n = 0;

	if (gw_http_has(h, GW_HF_CONTENT_LENGTH))
		return GW_RULE_LENGTH_TWICE;
	if (value.len == 0 || value.len > LENGTH_DIGITS_MAX)
		return GW_RULE_LENGTH_VALUE;
	for (size_t i = 0; i < value.len; i++) {
		if (!gw_http_is_digit(value.p[i]))
			return GW_RULE_LENGTH_VALUE;
		n = n * 10 + (uint64_t)(value.p[i] - '0');
	}
	/* Others count in signed numbers. */
	if (n > INT64_MAX)
		return GW_RULE_LENGTH_VALUE;
	h->m->content_length = n;
	return GW_RULE_OK;
}

static enum gw_http_rule
on_transfer_encoding(struct gw_http_head *h, struct gw_str value)
{
	if (gw_http_has(h, GW_HF_TRANSFER_ENCODING))
		return GW_RULE_CODING_TWICE;
	if (h->m->minor == 0)
		return GW_RULE_CODING_VERSION;
	return gw_http_is_word(value, "chunked") ? GW_RULE_OK
						 : GW_RULE_CODING_VALUE;
}

static enum gw_http_rule
on_expect(struct gw_http_head *h, struct gw_str value)
{
	if (!h->is_request)
		return GW_RULE_OK;
	if (gw_http_has(h, GW_HF_EXPECT) ||
	    !gw_http_is_word(value, "100-continue"))
		return GW_RULE_EXPECTATION;
	return GW_RULE_OK;
}

/* Bounds the way of OPTIONS (TRACE is not served); with other methods it means
 * nothing to us and goes on as it came. What cannot be counted down would go
 * on for ever if it were passed on, and dropping it takes the bound away as
 * well: refused. */
static enum gw_http_rule
on_max_forwards(struct gw_http_head *h, struct gw_str value)
{
	struct gw_http_msg *m = h->m;

	if (!h->is_request || !gw_http_is_word(m->method, "options"))
		return GW_RULE_OK;
	if (gw_http_has(h, GW_HF_MAX_FORWARDS) || value.len == 0)
		return GW_RULE_MAX_FORWARDS;
	for (size_t i = 0; i < value.len; i++) {
		if (!gw_http_is_digit(value.p[i]))
			return GW_RULE_MAX_FORWARDS;
		m->max_forwards = m->max_forwards * 10 +
				  (unsigned)(value.p[i] - '0');
		m->max_forwards = GW_MIN(m->max_forwards, FORWARDS_MAX + 1u);
	}
	m->has_max_forwards = true;
	return GW_RULE_OK;
}

static size_t
token_len(struct gw_str s)
{
	size_t n = 0;

	while (n < s.len && gw_http_is_token(s.p[n]))
		n++;
	return n;
}

/* protocol ["/" version], perhaps with a comma after it. */
static enum gw_http_rule
take_protocol(struct gw_str *s)
{
	size_t n = token_len(*s);

	if (n == 0)
		return GW_RULE_UPGRADE_VALUE;
	*s = (struct gw_str){ s->p + n, s->len - n };
	if (s->len == 0 || s->p[0] != '/')
		return GW_RULE_OK;
	*s = (struct gw_str){ s->p + 1, s->len - 1 };
	n = token_len(*s);
	*s = (struct gw_str){ s->p + n, s->len - n };
	return n > 0 ? GW_RULE_OK : GW_RULE_UPGRADE_VALUE;
}

static void
skip_blanks(struct gw_str *s)
{
	while (s->len > 0 && gw_http_is_blank(s->p[0])) {
		s->p++;
		s->len--;
	}
}

/* Whether nothing stands between an element and its comma; moves to the next
 * element, over empty ones (RFC 9110 5.6.1). */
static bool
next_element(struct gw_str *s)
{
	skip_blanks(s);
	if (s->len > 0 && s->p[0] != ',')
		return false;
	while (s->len > 0 && s->p[0] == ',') {
		s->p++;
		s->len--;
		skip_blanks(s);
	}
	return true;
}

/* After these HTTP would go on where nobody reads it strictly, or TLS. */
static bool
is_upgrade_refused(struct gw_str protocol)
{
	static const char *const refused[] = { "h2c", "h2", "http", "tls" };
	struct gw_str name = { protocol.p, token_len(protocol) };

	for (size_t i = 0; i < GW_COUNT(refused); i++)
		if (gw_http_is_word(name, refused[i]))
			return true;
	return false;
}

/* An offer of several protocols is legal, and so is to decline it. */
static enum gw_http_rule
on_upgrade(struct gw_http_head *h, struct gw_str value)
{
	struct gw_str rest = value;
	enum gw_http_rule rule;
	unsigned count = 0;

	if (gw_http_has(h, GW_HF_UPGRADE))
		return GW_RULE_UPGRADE_TWICE;
	for (;; count++) {
		if ((rule = take_protocol(&rest)) != GW_RULE_OK)
			return rule;
		if (rest.len == 0)
			break;
		if (!next_element(&rest))
			return GW_RULE_UPGRADE_VALUE;
	}
	if (count == 0 && !is_upgrade_refused(value))
		h->m->upgrade = value;
	return GW_RULE_OK;
}

static enum gw_http_rule (*const on_field[])(struct gw_http_head *,
					     struct gw_str) = {
	[GW_HF_HOST] = on_host,
	[GW_HF_CONTENT_LENGTH] = on_content_length,
	[GW_HF_TRANSFER_ENCODING] = on_transfer_encoding,
	[GW_HF_EXPECT] = on_expect,
	[GW_HF_UPGRADE] = on_upgrade,
	[GW_HF_MAX_FORWARDS] = on_max_forwards,
};

/* Gives the field its id and lets it act. */
static enum gw_http_rule
know_field(struct gw_http_head *h, struct gw_http_field *f)
{
	enum gw_http_rule rule = GW_RULE_OK;
	bool is_alias;

	f->id = gw_http_lookup(f->name, &is_alias);
	f->is_hop = (hop_by_hop >> f->id & 1) != 0;
	if (f->id == GW_HF_OTHER)
		return GW_RULE_OK;
	if (is_alias && (framing >> f->id & 1) != 0)
		return GW_RULE_NAME_ALIAS;
	if (f->id < GW_COUNT(on_field) && on_field[f->id] != NULL)
		rule = on_field[f->id](h, f->value);
	h->seen |= UINT32_C(1) << f->id;
	return rule;
}

/* ---- Connection */

static void
mark_hop(struct gw_http_msg *m, struct gw_str name)
{
	for (size_t i = 0; i < m->field_count; i++)
		if (gw_http_same(m->field[i].name, name))
			m->field[i].is_hop = true;
}

static enum gw_http_rule
take_option(struct gw_http_head *h, struct gw_str option)
{
	bool is_alias;

	if (++h->option_count > OPTIONS_MAX)
		return GW_RULE_OPTION_MANY;
	if (gw_http_is_word(option, "keep-alive")) {
		h->says_keep_alive = true;
	} else if (gw_http_is_word(option, "close")) {
		h->says_close = true;
		mark_hop(h->m, option); /* a field of that name goes, too */
	} else if (gw_http_is_word(option, "upgrade")) {
		h->says_upgrade = true;
	} else {
		if (framing >> gw_http_lookup(option, &is_alias) & 1)
			return GW_RULE_OPTION_FRAMING;
		mark_hop(h->m, option);
	}
	return GW_RULE_OK;
}

static enum gw_http_rule
take_options(struct gw_http_head *h, struct gw_str list)
{
	enum gw_http_rule rule;
	size_t n;

	if (list.len > 0 && list.p[0] == ',')
		(void)next_element(&list);
	while (list.len > 0) {
		n = token_len(list);
		if (n == 0)
			return GW_RULE_OPTION_TOKEN;
		rule = take_option(h, (struct gw_str){ list.p, n });
		if (rule != GW_RULE_OK)
			return rule;
		list = (struct gw_str){ list.p + n, list.len - n };
		if (!next_element(&list))
			return GW_RULE_OPTION_TOKEN;
	}
	return GW_RULE_OK;
}

/* Once all fields are known, as the list may name later ones. */
static enum gw_http_rule
read_connection(struct gw_http_head *h)
{
	enum gw_http_rule rule = GW_RULE_OK;

	if (!gw_http_has(h, GW_HF_CONNECTION))
		return GW_RULE_OK;
	for (size_t i = 0; i < h->m->field_count && rule == GW_RULE_OK; i++)
		if (h->m->field[i].id == GW_HF_CONNECTION)
			rule = take_options(h, h->m->field[i].value);
	return rule;
}

/* ---- all of them */

static enum gw_http_rule
take_field(struct gw_http_head *h)
{
	struct gw_http_field *f = &h->m->field[h->m->field_count];
	enum gw_http_rule rule;

	if (h->m->field_count == GW_HTTP_FIELDS_MAX)
		return GW_RULE_FIELDS;
	if ((rule = take_name(h, &f->name)) != GW_RULE_OK ||
	    (rule = take_value(h, &f->value)) != GW_RULE_OK)
		return rule;
	h->m->field_count++;
	return know_field(h, f);
}

void
gw_http_decline_upgrade(struct gw_http_msg *m)
{
	m->wants_upgrade = false;
	m->upgrade = (struct gw_str){ NULL, 0 };
}

/* RFC 9112 9.3; Keep-Alive's parameters mean nothing to us. */
static void
judge_connection(struct gw_http_head *h)
{
	struct gw_http_msg *m = h->m;

	m->keep_alive = !h->says_close &&
			(m->minor == 1 || h->says_keep_alive);
	/* RFC 9110 7.8: without the option, and in HTTP/1.0, no upgrade. */
	m->wants_upgrade = m->upgrade.len > 0 && h->says_upgrade &&
			   m->minor == 1;
	if (!m->wants_upgrade)
		gw_http_decline_upgrade(m);
}

enum gw_http_rule
gw_http_take_fields(struct gw_http_head *h)
{
	enum gw_http_rule rule;

	while (h->p < h->end && *h->p != '\r')
		if ((rule = take_field(h)) != GW_RULE_OK)
			return rule;
	if (h->p == h->end)
		return GW_RULE_HEAD_END;
	if ((rule = gw_http_take_crlf(h)) != GW_RULE_OK)
		return rule;
	if (h->p != h->end)
		return GW_RULE_HEAD_END;
	if ((rule = read_connection(h)) != GW_RULE_OK)
		return rule;
	if (gw_http_has(h, GW_HF_TRANSFER_ENCODING) &&
	    gw_http_has(h, GW_HF_CONTENT_LENGTH))
		return GW_RULE_LENGTH_AND_CODING;
	judge_connection(h);
	return GW_RULE_OK;
}

/* http_target.c — request target, path and authority (RFC 9112 3.2). */
#include "http_priv.h"

#include <arpa/inet.h>
#include <string.h>

#define HOST_MAX 255 /* RFC 1035 2.3.4 */

#define NOT_HEX 0xff

static uint8_t
hex_digit(char c)
{
	if (gw_http_is_digit(c))
		return (uint8_t)(c - '0');
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? (uint8_t)(c - 'a' + 10) : NOT_HEX;
}

/* The byte of "%41" at p; 0, which may not be encoded, when it is none. */
static uint8_t
decode(const char *p, const char *end)
{
	uint8_t high, low;

	if (end - p < 3 || p[0] != '%')
		return 0;
	high = hex_digit(p[1]);
	low = hex_digit(p[2]);
	if (high == NOT_HEX || low == NOT_HEX)
		return 0;
	return (uint8_t)(high << 4 | low);
}

/* Overlong UTF-8 is how "%e0%80%af" once became a slash (RFC 3629 10); of two
 * bytes it begins with c0 or c1, which no class allows. */
static bool
is_overlong(uint8_t first, uint8_t second)
{
	return (first == 0xe0 && second < 0xa0) ||
	       (first == 0xf0 && second < 0x90);
}

static bool
is_plain_encoding(const char *p, const char *end)
{
	uint8_t c = decode(p, end);

	return gw_http_is((char)c, GW_CT_ENCODED) &&
	       !is_overlong(c, decode(p + 3, end));
}

/* `name_len`: up to a ';', as servers that know path parameters take
 * "/..;a/" for "/../". Only the last segment may be empty. */
static bool
is_plain_segment(const char *p, size_t name_len, bool is_last)
{
	if (name_len == 0)
		return is_last;
	if (p[0] != '.')
		return true;
	return name_len > 2 || (name_len == 2 && p[1] != '.');
}

/* One segment from `p`; NULL if not plain, else its end. */
static const char *
skip_segment(const char *p, const char *end)
{
	const char *start = p, *params = NULL;

	for (; p < end && *p != '/'; p++) {
		if (gw_http_is(*p, GW_CT_HOST)) /* most are; all in PATH */
			continue;
		if (!gw_http_is(*p, GW_CT_PATH))
			return NULL;
		if (*p == ';' && params == NULL)
			params = p;
		if (*p != '%')
			continue;
		if (!is_plain_encoding(p, end))
			return NULL;
		p += 2;
	}
	if (params == NULL)
		params = p;
	return is_plain_segment(start, (size_t)(params - start), p == end)
		? p : NULL;
}

bool
gw_http_path_is_plain(struct gw_str path)
{
	const char *p = path.p, *end = path.p + path.len;
	const char *query = path.len > 0 ? memchr(p, '?', path.len) : NULL;

	if (query != NULL)
		end = query;
	if (p == end || *p != '/')
		return false;
	while (p != NULL && p < end)
		p = skip_segment(p + 1, end);
	return p != NULL;
}

/* ---- authority */

static bool
is_port(const char *p, const char *end)
{
	unsigned port = 0;

	if (end - p > 5)
		return false;
	for (; p < end; p++) {
		if (!gw_http_is_digit(*p))
			return false;
		port = port * 10 + (unsigned)(*p - '0');
	}
	return port > 0 && port <= 65535;
}

/* Names of dotted labels; the last may be the root's empty one. */
static const char *
skip_host_name(const char *p, const char *end)
{
	const char *start = p;
	char before = '.';

	for (; p < end && gw_http_is(*p, GW_CT_HOST); p++) {
		if (*p == '.' && before == '.')
			return start;
		before = *p;
	}
	return p;
}

/* "[" IPv6 address "]"; neither zones nor IPvFuture. */
static const char *
skip_address(const char *p, const char *end)
{
	const char *close = memchr(p, ']', (size_t)(end - p));
	char text[INET6_ADDRSTRLEN];
	struct in6_addr addr;
	size_t len;

	if (close == NULL || (size_t)(close - p) > sizeof(text))
		return p;
	len = (size_t)(close - p) - 1;
	memcpy(text, p + 1, len);
	text[len] = '\0';
	if (strlen(text) != len || inet_pton(AF_INET6, text, &addr) != 1)
		return p;
	return close + 1;
}

/* Narrower than RFC 9110 7.2: no empty port, no sub-delims, no percent. */
enum gw_http_rule
gw_http_check_host(struct gw_str host)
{
	const char *p = host.p, *end = host.p + host.len;

	if (host.len == 0)
		return GW_RULE_HOST_EMPTY;
	if (host.len > HOST_MAX)
		return GW_RULE_HOST_INVALID;
	p = *p == '[' ? skip_address(p, end) : skip_host_name(p, end);
	if (p == host.p)
		return GW_RULE_HOST_INVALID;
	if (p == end || (*p == ':' && is_port(p + 1, end)))
		return GW_RULE_OK;
	return GW_RULE_HOST_INVALID;
}

/* ---- the four forms */

static enum gw_http_rule
check_authority(struct gw_http_msg *m, struct gw_str authority)
{
	enum gw_http_rule rule;

	if (memchr(authority.p, '@', authority.len) != NULL)
		return GW_RULE_TARGET_USERINFO;
	if ((rule = gw_http_check_host(authority)) != GW_RULE_OK)
		return rule;
	/* RFC 9112 3.2.2 lets the target win; two answers to "for whom?" are
	 * one too many. HTTP/1.0 may have said it only here. */
	if (m->host.len == 0)
		m->host = authority;
	return gw_http_same(authority, m->host) ? GW_RULE_OK
						: GW_RULE_TARGET_AUTHORITY;
}

/* What follows the authority; nothing at all stands for "/", or for "*" in
 * OPTIONS (RFC 9112 3.2.4). */
static enum gw_http_rule
set_path(struct gw_http_msg *m, struct gw_str path)
{
	static const struct gw_str root = { "/", 1 }, star = { "*", 1 };

	if (path.len == 0) {
		m->path = gw_http_is_word(m->method, "options") ? star : root;
		return GW_RULE_OK;
	}
	m->path = path;
	return gw_http_path_is_plain(path) ? GW_RULE_OK : GW_RULE_PATH;
}

static enum gw_http_rule
read_absolute(struct gw_http_msg *m, const char *authority)
{
	const char *end = m->target.p + m->target.len, *p = authority;
	struct gw_str auth, path;
	enum gw_http_rule rule;

	while (p < end && *p != '/' && *p != '?')
		p++;
	auth = (struct gw_str){ authority, (size_t)(p - authority) };
	path = (struct gw_str){ p, (size_t)(end - p) };
	if ((rule = check_authority(m, auth)) != GW_RULE_OK)
		return rule;
	return set_path(m, path);
}

/* Where the authority of "scheme://authority" begins, else NULL. */
static const char *
find_authority(struct gw_str target, struct gw_str *out_scheme)
{
	const char *colon = memchr(target.p, ':', target.len);
	const char *end = target.p + target.len;

	if (colon == NULL || end - colon < 3 || memcmp(colon, "://", 3) != 0)
		return NULL;
	*out_scheme = (struct gw_str){ target.p, (size_t)(colon - target.p) };
	return colon + 3;
}

enum gw_http_rule
gw_http_read_target(struct gw_http_msg *m)
{
	struct gw_str scheme;
	const char *authority;

	if (m->target.p[0] == '/')
		return set_path(m, m->target);
	if (m->target.len == 1 && m->target.p[0] == '*') {
		m->path = m->target;
		return gw_http_is_word(m->method, "options")
			? GW_RULE_OK : GW_RULE_TARGET_FORM;
	}
	if ((authority = find_authority(m->target, &scheme)) == NULL)
		return GW_RULE_TARGET_FORM;
	if (!gw_http_is_word(scheme, "http") &&
	    !gw_http_is_word(scheme, "https"))
		return GW_RULE_TARGET_SCHEME;
	return read_absolute(m, authority);
}

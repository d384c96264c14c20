/* http_name.c — field names the gateway acts on, and those it alone may set. */
#include "http_priv.h"

/* First letter, last letter and length give each name a slot of its own; two
 * names in one slot do not compile (-Woverride-init, an error in CI). */
#define SLOT_COUNT 64
#define SLOT(first, last, len) \
	(((unsigned)(first) * 3 + (unsigned)(last) * 45 + (len)) % SLOT_COUNT)
#define NAME(first, last, text, id) \
	[SLOT(first, last, sizeof(text) - 1)] = { text, sizeof(text) - 1, id }

static const struct name {
	const char *text;
	uint8_t len, id;
} names[SLOT_COUNT] = {
	NAME('c', 'n', "connection", GW_HF_CONNECTION),
	NAME('c', 'h', "content-length", GW_HF_CONTENT_LENGTH),
	NAME('e', 't', "expect", GW_HF_EXPECT),
	NAME('h', 't', "host", GW_HF_HOST),
	NAME('k', 'e', "keep-alive", GW_HF_KEEP_ALIVE),
	/* Not a field at all, but $HTTP_PROXY to a CGI program. */
	NAME('p', 'y', "proxy", GW_HF_PROXY_CONNECTION),
	NAME('p', 'e', "proxy-authenticate", GW_HF_PROXY_AUTHENTICATE),
	NAME('p', 'o', "proxy-authentication-info", GW_HF_PROXY_AUTHENTICATE),
	NAME('p', 'n', "proxy-authorization", GW_HF_PROXY_AUTHORIZATION),
	NAME('p', 'n', "proxy-connection", GW_HF_PROXY_CONNECTION),
	NAME('t', 'e', "te", GW_HF_TE),
	NAME('t', 'r', "trailer", GW_HF_TRAILER),
	NAME('t', 'g', "transfer-encoding", GW_HF_TRANSFER_ENCODING),
	NAME('u', 'e', "upgrade", GW_HF_UPGRADE),
	NAME('f', 'd', "forwarded", GW_HF_FORWARDED),
	NAME('x', 'r', "x-forwarded-for", GW_HF_X_FORWARDED_FOR),
	NAME('x', 't', "x-forwarded-host", GW_HF_X_FORWARDED_HOST),
	NAME('x', 'o', "x-forwarded-proto", GW_HF_X_FORWARDED_PROTO),
	NAME('c', 't', "client-cert", GW_HF_CLIENT_CERT),
	NAME('c', 'n', "client-cert-chain", GW_HF_CLIENT_CERT_CHAIN),
	NAME('a', 't', "accept", GW_HF_ACCEPT),
	NAME('s', 'r', "server", GW_HF_SERVER),
	NAME('d', 'e', "date", GW_HF_DATE),
	NAME('m', 's', "max-forwards", GW_HF_MAX_FORWARDS),
};

/* Whole families, for the members not listed above. */
static const struct name families[] = {
	{ "x-forwarded", 11, GW_HF_X_FORWARDED },
	{ "client-cert", 11, GW_HF_CLIENT_CERT },
};

static uint8_t
fold(char c)
{
	return gw_http_fold[(uint8_t)c];
}

/* Whether a name of that length is written as in the standard, save for case:
 * small letters and '-' have this bit, capitals lack nothing else, and the one
 * other byte that becomes a '-' thereby, CR, is in no token. */
static bool
is_plainly(struct gw_str s, const struct name *n)
{
	for (size_t i = 0; i < s.len; i++)
		if (((uint8_t)s.p[i] | 0x20) != (uint8_t)n->text[i])
			return false;
	return true;
}

static bool
begins_with(struct gw_str s, const struct name *n)
{
	if (s.len < n->len)
		return false;
	for (size_t i = 0; i < n->len; i++)
		if (fold(s.p[i]) != (uint8_t)n->text[i])
			return false;
	return true;
}

enum gw_http_name
gw_http_lookup(struct gw_str s, bool *out_alias)
{
	const struct name *n =
		&names[SLOT(fold(s.p[0]), fold(s.p[s.len - 1]), s.len)];

	*out_alias = false;
	if (n->len == s.len && is_plainly(s, n))
		return (enum gw_http_name)n->id;
	if (n->len == s.len && begins_with(s, n)) {
		*out_alias = true; /* something else stands for a '-' */
		return (enum gw_http_name)n->id;
	}
	for (size_t i = 0; i < GW_COUNT(families); i++)
		if (begins_with(s, &families[i]))
			return (enum gw_http_name)families[i].id;
	return GW_HF_OTHER;
}

static bool
is_same_name(struct gw_str a, const char *b)
{
	size_t i = 0;

	while (i < a.len && b[i] != '\0' && fold(a.p[i]) == fold(b[i]))
		i++;
	return i == a.len && b[i] == '\0';
}

bool
gw_http_is_owned(struct gw_str name, const char *const *owned)
{
	for (; owned != NULL && *owned != NULL; owned++)
		if (is_same_name(name, *owned))
			return true;
	return false;
}

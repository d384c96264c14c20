/* names.c — see names.h. */
#include "names.h"

#include <string.h>

#define LABEL_MAX 63 /* RFC 1034, 3.1 */
#define HOST_MAX  253

bool
gw_name_has_nul(const ASN1_STRING *s)
{
	return memchr(ASN1_STRING_get0_data(s), '\0',
		      (size_t)ASN1_STRING_length(s)) != NULL;
}

static bool
is_alnum(char c)
{
	return (c >= '0' && c <= '9') ||
	       ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

bool
gw_name_is_host(const char *p, size_t len)
{
	size_t label = 0;

	for (size_t i = 0; i < len; i++) {
		if (p[i] == '.' ? label == 0
				: !is_alnum(p[i]) && p[i] != '-' && p[i] != '_')
			return false;
		label = p[i] == '.' ? 0 : label + 1;
	}
	return label > 0;
}

bool
gw_name_is_host_or_below(const char *p, size_t len)
{
	return len > 0 && p[0] == '.' ? gw_name_is_host(p + 1, len - 1)
				      : gw_name_is_host(p, len);
}

bool
gw_name_is_mail(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);
	const char *at = memchr(p, '@', len);

	if (gw_name_has_nul(s))
		return false;
	if (at == NULL)
		return len == 0 || gw_name_is_host_or_below(p, len);
	return at > p &&
	       gw_name_is_host(at + 1, len - (size_t)(at + 1 - p));
}

/* ---- alternative names */

static bool
is_wildcard(const char *p, size_t len)
{
	return len > 2 && p[0] == '*' && p[1] == '.';
}

static bool
is_dns(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s);

	return is_wildcard(p, len) ? gw_name_is_host(p + 2, len - 2)
				   : gw_name_is_host(p, len);
}

static bool
is_mailbox(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s);

	return gw_name_is_mail(s) &&
	       memchr(p, '@', (size_t)ASN1_STRING_length(s)) != NULL;
}

static bool
is_ip(const ASN1_STRING *s)
{
	return ASN1_STRING_length(s) == 4 || ASN1_STRING_length(s) == 16;
}

bool
gw_name_is_plausible(const GENERAL_NAME *g)
{
	switch (g->type) {
	case GEN_DNS:   return is_dns(g->d.dNSName);
	case GEN_EMAIL: return is_mailbox(g->d.rfc822Name);
	case GEN_IPADD: return is_ip(g->d.iPAddress);
	default:        return true;
	}
}

static bool
is_preferred_label(const char *p, size_t len)
{
	return len > 0 && len <= LABEL_MAX && is_alnum(p[0]) &&
	       is_alnum(p[len - 1]) && memchr(p, '_', len) == NULL;
}

static bool
is_preferred_host(const ASN1_STRING *s)
{
	const char *p = (const char *)ASN1_STRING_get0_data(s), *dot;
	size_t len = (size_t)ASN1_STRING_length(s);

	if (len > HOST_MAX || !is_dns(s))
		return false;
	if (is_wildcard(p, len)) {
		p += 2;
		len -= 2;
	}
	for (; (dot = memchr(p, '.', len)) != NULL; p = dot + 1) {
		if (!is_preferred_label(p, (size_t)(dot - p)))
			return false;
		len -= (size_t)(dot + 1 - p);
	}
	return is_preferred_label(p, len);
}

/* RFC 3986, 3.1 and 2: a scheme, and visible ASCII. */
static bool
is_absolute_uri(const ASN1_STRING *s)
{
	static const char never[] = "\"<>\\^`{|}";
	const char *p = (const char *)ASN1_STRING_get0_data(s);
	size_t len = (size_t)ASN1_STRING_length(s), scheme = 0;

	while (scheme < len && (is_alnum(p[scheme]) || p[scheme] == '+' ||
				p[scheme] == '-' || p[scheme] == '.'))
		scheme++;
	if (scheme == 0 || scheme + 1 >= len || p[scheme] != ':' ||
	    (p[0] | 0x20) < 'a')
		return false;
	for (size_t i = 0; i < len; i++)
		if (p[i] <= 0x20 || p[i] >= 0x7f ||
		    memchr(never, p[i], sizeof(never) - 1) != NULL)
			return false;
	return true;
}

bool
gw_name_is_preferred(const GENERAL_NAME *g)
{
	switch (g->type) {
	case GEN_DNS: return is_preferred_host(g->d.dNSName);
	case GEN_URI: return is_absolute_uri(g->d.uniformResourceIdentifier);
	default:      return true;
	}
}

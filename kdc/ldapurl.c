/* ldapurl.c — see ldapurl.h. RFC 4516, the part AD CS writes. */
#include "ldapurl.h"
#include "gw/url.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

#define SCHEME "ldap://"

/* ---- text */

static int
hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c | 0x20);

	return c == '\0' || at == NULL ? -1 : (int)(at - digits);
}

/* Percent-encoding (RFC 3986, 2.1); false for a broken one, a NUL, or what
 * does not fit. */
static bool
decode(const char *s, size_t len, char *out, size_t cap)
{
	size_t n = 0;

	for (size_t i = 0; i < len; i++, n++) {
		int high, low, c = (unsigned char)s[i];

		if (n + 1 >= cap)
			return false;
		if (c == '%') {
			if (len - i < 3 || (high = hex_digit(s[i + 1])) < 0 ||
			    (low = hex_digit(s[i + 2])) < 0)
				return false;
			c = high << 4 | low;
			i += 2;
		}
		if (c == '\0')
			return false;
		out[n] = (char)c;
	}
	out[n] = '\0';
	return true;
}

/* ---- parts */

struct parts {
	const char *p[4]; /* DN, attribute, scope, filter; NULL: not there */
	size_t len[4];
};

/* False when there are more: extensions, critical ones perhaps. */
static bool
split(const char *s, struct parts *out)
{
	*out = (struct parts){ .p = { NULL } };
	for (size_t i = 0; i < GW_COUNT(out->p); i++) {
		out->p[i] = s;
		out->len[i] = strcspn(s, "?");
		s += out->len[i];
		if (*s == '\0')
			return true;
		s++;
	}
	return false;
}

static const char *
find_attr(const char *s)
{
	static const char *const attrs[] = { "certificateRevocationList",
					     "deltaRevocationList",
					     "authorityRevocationList" };

	for (size_t i = 0; i < GW_COUNT(attrs); i++) {
		size_t len = strlen(attrs[i]);

		if (strncasecmp(s, attrs[i], len) == 0 &&
		    (s[len] == '\0' || strcasecmp(s + len, ";binary") == 0))
			return attrs[i];
	}
	return NULL;
}

static enum gw_err
wrong(struct gw_error *err, const char *what)
{
	return gw_fail(err, GW_ERR_REVOCATION_UNAVAILABLE, "LDAP URL: %s",
		       what);
}

static enum gw_err
read_parts(const struct parts *x, struct gw_ldap_url *out,
	   struct gw_error *err)
{
	char word[64];

	if (!decode(x->p[0], x->len[0], out->dn, sizeof(out->dn)) ||
	    out->dn[0] == '\0')
		return wrong(err, "no usable DN");
	if (x->p[1] == NULL ||
	    !decode(x->p[1], x->len[1], word, sizeof(word)) ||
	    (out->attr = find_attr(word)) == NULL)
		return wrong(err, "not the attribute of a revocation list");
	if (x->len[2] > 0 &&
	    (!decode(x->p[2], x->len[2], word, sizeof(word)) ||
	     strcasecmp(word, "base") != 0))
		return wrong(err, "a scope other than base");
	if (x->len[3] == 0)
		memcpy(out->filter, "(objectClass=*)", 16);
	else if (!decode(x->p[3], x->len[3], out->filter,
			 sizeof(out->filter)))
		return wrong(err, "no usable filter");
	return GW_ERR_OK;
}

enum gw_err
gw_ldap_url_parse(const char *s, struct gw_ldap_url *out,
		  struct gw_error *err)
{
	struct parts x;

	*out = (struct gw_ldap_url){ .attr = NULL };
	if (strlen(s) >= GW_LDAP_URL_MAX || !gw_url_is_visible(s) ||
	    strncasecmp(s, SCHEME, sizeof(SCHEME) - 1) != 0)
		return wrong(err, "not an ldap: URL");
	s += sizeof(SCHEME) - 1;
	/* fail closed: who signs certificates does not get to send the
	 * service account to a host of their choice. */
	if (*s++ != '/')
		return wrong(err, "names a host; only the domain controllers "
				  "in use are asked");
	if (!split(s, &x))
		return wrong(err, "extensions are not understood");
	return read_parts(&x, out, err);
}

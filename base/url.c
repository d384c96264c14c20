/* url.c — see gw/url.h. RFC 3986, the part that OCSP URLs use. */
#include "gw/url.h"
#include "gw/util.h"

#include <string.h>
#include <strings.h>

#define SCHEME "http://"

bool
gw_url_is_visible(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= 0x20 || *s >= 0x7f)
			return false;
	return true;
}

static bool
copy_part(char *out, size_t cap, const char *s, size_t len)
{
	if (len == 0 || len >= cap)
		return false;
	memcpy(out, s, len);
	out[len] = '\0';
	return true;
}

static bool
parse_port(const char *s, size_t len, struct gw_url *out)
{
	unsigned n = 0;

	if (len == 0)
		return gw_copy(out->port, sizeof(out->port), "80");
	if (len > 5 || strspn(s, "0123456789") < len)
		return false;
	for (size_t i = 0; i < len; i++)
		n = n * 10 + (unsigned)(s[i] - '0');
	return n > 0 && n < 65536 &&
	       gw_format(out->port, sizeof(out->port), "%u", n);
}

/* "name", "name:80", "[::1]", "[::1]:80" */
static bool
parse_authority(const char *s, size_t len, struct gw_url *out)
{
	const char *end = s + len, *host_end, *rest;

	if (memchr(s, '@', len) != NULL)
		return false;
	if (len > 0 && *s == '[') {
		s++;
		host_end = memchr(s, ']', (size_t)(end - s));
		if (host_end == NULL)
			return false;
		rest = host_end + 1;
	} else {
		host_end = memchr(s, ':', len);
		if (host_end == NULL)
			host_end = end;
		rest = host_end;
	}
	if (!copy_part(out->host, sizeof(out->host), s,
		       (size_t)(host_end - s)))
		return false;
	if (rest == end)
		return parse_port("", 0, out);
	return *rest == ':' && rest + 1 < end &&
	       parse_port(rest + 1, (size_t)(end - rest - 1), out);
}

bool
gw_url_parse(const char *s, struct gw_url *out)
{
	size_t scheme = sizeof(SCHEME) - 1, len;

	memset(out, 0, sizeof(*out));
	if (strncasecmp(s, SCHEME, scheme) != 0 || !gw_url_is_visible(s) ||
	    strchr(s, '#') != NULL)
		return false;
	s += scheme;
	len = strcspn(s, "/?");
	if (!copy_part(out->authority, sizeof(out->authority), s, len) ||
	    !parse_authority(s, len, out))
		return false;
	s += len;
	return gw_format(out->path, sizeof(out->path), "%s%s",
			 *s == '/' ? "" : "/", s);
}

/* der.c — see der.h. X.690 clauses 8.1 and 10.1. */
#include "der.h"

#include <string.h>

#define LENGTH_OCTETS_MAX 4 /* 4 GiB: more than any list (crl.h) */

/* The length octets after the identifier; false when not in shortest form. */
static bool
take_length(struct gw_der *rest, size_t *out)
{
	size_t octets, len = 0;
	uint8_t first;

	if (rest->len == 0)
		return false;
	first = *rest->p++;
	rest->len--;
	*out = first;
	if (first < 0x80)
		return true;
	octets = first & 0x7f;
	if (octets == 0 || octets > LENGTH_OCTETS_MAX || octets > rest->len)
		return false;
	for (size_t i = 0; i < octets; i++)
		len = len << 8 | rest->p[i];
	if (rest->p[0] == 0 || len < 0x80)
		return false;
	rest->p += octets;
	rest->len -= octets;
	*out = len;
	return true;
}

bool
gw_der_take(struct gw_der *rest, uint8_t *out_tag, struct gw_der *out_body)
{
	struct gw_der r = *rest;
	uint8_t tag;
	size_t len;

	if (r.len == 0)
		return false;
	tag = *r.p++;
	r.len--;
	if ((tag & 0x1f) == 0x1f || !take_length(&r, &len) || len > r.len)
		return false;
	*out_tag = tag;
	*out_body = (struct gw_der){ r.p, len };
	*rest = (struct gw_der){ r.p + len, r.len - len };
	return true;
}

bool
gw_der_expect(struct gw_der *rest, uint8_t tag, struct gw_der *out_body)
{
	struct gw_der r = *rest, body;
	uint8_t got;

	if (!gw_der_take(&r, &got, &body) || got != tag)
		return false;
	*out_body = body;
	*rest = r;
	return true;
}

bool
gw_der_whole(struct gw_der *rest, uint8_t tag, struct gw_der *out_whole,
	     struct gw_der *out_body)
{
	const uint8_t *start = rest->p;

	if (!gw_der_expect(rest, tag, out_body))
		return false;
	*out_whole = (struct gw_der){ start, (size_t)(rest->p - start) };
	return true;
}

bool
gw_der_only(struct gw_der in, uint8_t tag, struct gw_der *out_body)
{
	struct gw_der body;

	if (!gw_der_expect(&in, tag, &body) || in.len != 0)
		return false;
	*out_body = body;
	return true;
}

bool
gw_der_count(struct gw_der in, size_t *out)
{
	struct gw_der body;
	uint8_t tag;
	size_t n = 0;

	while (in.len > 0) {
		if (!gw_der_take(&in, &tag, &body))
			return false;
		n++;
	}
	*out = n;
	return true;
}

/* X.690, 11.1 */
static bool
is_boolean(struct gw_der body)
{
	return body.len == 1 && (body.p[0] == 0x00 || body.p[0] == 0xff);
}

size_t
gw_der_elements(struct gw_der in)
{
	struct gw_der body;
	uint8_t tag;
	size_t n = 0;

	for (; gw_der_take(&in, &tag, &body); n++)
		if ((tag & GW_DER_CONSTRUCTED) != 0)
			n += gw_der_elements(body);
	return n;
}

bool
gw_der_is_strict(struct gw_der in, int depth)
{
	struct gw_der body;
	uint8_t tag;

	while (in.len > 0)
		if (!gw_der_take(&in, &tag, &body) ||
		    (tag == GW_DER_BOOLEAN && !is_boolean(body)) ||
		    ((tag & GW_DER_CONSTRUCTED) != 0 &&
		     (depth == 0 || !gw_der_is_strict(body, depth - 1))))
			return false;
	return true;
}

bool
gw_der_equals(struct gw_der a, const void *p, size_t len)
{
	return a.len == len && (len == 0 || memcmp(a.p, p, len) == 0);
}

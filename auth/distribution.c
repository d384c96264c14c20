/* distribution.c — see distribution.h. */
#include "distribution.h"
#include "gw/url.h"

#include <string.h>
#include <strings.h>

static void
free_points(STACK_OF(DIST_POINT) *p)
{
	sk_DIST_POINT_pop_free(p, DIST_POINT_free);
}
GW_DEFINE_CLEANUP(STACK_OF(DIST_POINT) *, free_points)

bool
gw_place_is_http(const char *s)
{
	struct gw_url url;

	return gw_url_parse(s, &url);
}

static bool
is_visible(const char *s)
{
	for (; *s != '\0'; s++)
		if (*s <= 0x20 || *s > 0x7e)
			return false;
	return true;
}

bool
gw_place_is_ldap(const char *s)
{
	return strncasecmp(s, "ldap:///", 8) == 0 && s[8] != '\0' &&
	       is_visible(s);
}

bool
gw_place_is_file(const char *s)
{
	return s[0] == '/' && s[1] != '\0';
}

bool
gw_distribution_is_place(const DIST_POINT_NAME *n)
{
	if (n == NULL || n->type != 0)
		return true;
	for (int i = 0; i < sk_GENERAL_NAME_num(n->name.fullname); i++) {
		int type = sk_GENERAL_NAME_value(n->name.fullname, i)->type;

		if (type != GEN_URI && type != GEN_DIRNAME)
			return false;
	}
	return true;
}

void
gw_places_add(struct gw_places *p, const char *place)
{
	if (p->n >= GW_PLACES_MAX || strlen(place) >= GW_URL_MAX ||
	    !(gw_place_is_http(place) || gw_place_is_ldap(place) ||
	      gw_place_is_file(place)))
		return;
	for (size_t i = 0; i < p->n; i++)
		if (strcmp(p->v[i], place) == 0)
			return;
	memcpy(p->v[p->n++], place, strlen(place) + 1);
}

/* A certificate names no file of ours. */
static void
add_name(struct gw_places *p, const GENERAL_NAME *name)
{
	const ASN1_IA5STRING *uri;
	const char *text;

	if (name->type != GEN_URI)
		return;
	uri = name->d.uniformResourceIdentifier;
	text = (const char *)ASN1_STRING_get0_data(uri);
	if (strlen(text) == (size_t)ASN1_STRING_length(uri) &&
	    !gw_place_is_file(text))
		gw_places_add(p, text);
}

static void
add_points(struct gw_places *p, const STACK_OF(DIST_POINT) *points)
{
	for (int i = 0; i < sk_DIST_POINT_num(points); i++) {
		const DIST_POINT *d = sk_DIST_POINT_value(points, i);
		const GENERAL_NAMES *names;

		if (d->CRLissuer != NULL || d->distpoint == NULL ||
		    d->distpoint->type != 0)
			continue;
		names = d->distpoint->name.fullname;
		for (int j = 0; j < sk_GENERAL_NAME_num(names); j++)
			add_name(p, sk_GENERAL_NAME_value(names, j));
	}
}

void
gw_places_of_cert(const X509 *x, struct gw_places *p)
{
	gw_auto(free_points) STACK_OF(DIST_POINT) *points =
		X509_get_ext_d2i(x, NID_crl_distribution_points, NULL, NULL);

	add_points(p, points);
}

void
gw_places_of_deltas(const X509_CRL *crl, struct gw_places *p)
{
	gw_auto(free_points) STACK_OF(DIST_POINT) *points =
		X509_CRL_get_ext_d2i(crl, NID_freshest_crl, NULL, NULL);

	add_points(p, points);
}

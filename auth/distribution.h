/* auth/distribution.h — where a certificate's revocation lists are to be had
 * (RFC 5280, 4.2.1.13 and 5.2.6). Linked into gwd-auth (gwcert). Pure. */
#ifndef GW_DISTRIBUTION_H
#define GW_DISTRIBUTION_H

#include "ocsp.h"

#define GW_PLACES_MAX 16

/* URLs and file names, each once, in the order they are tried. */
struct gw_places {
	char v[GW_PLACES_MAX][GW_URL_MAX];
	size_t n;
};

/* http URLs, ldap URLs without a host (the directory's own), and, where
 * operators name places, absolute file names. */
bool gw_place_is_http(const char *s);
bool gw_place_is_ldap(const char *s);
bool gw_place_is_file(const char *s);

/* Whether every name of a distribution point, in a certificate or a list, is
 * one a list can be had by: a URI or a directory's entry. */
bool gw_distribution_is_place(const DIST_POINT_NAME *n); /* NULL is fine */

/* Adds a place that is one of these; others, repeated ones, and those past
 * the limit are left out. */
void gw_places_add(struct gw_places *p, const char *place);

/* The URLs of the certificate's distribution points. A point with a CRL
 * issuer of its own is left out: indirect lists are not served. */
void gw_places_of_cert(const X509 *x, struct gw_places *p);
/* Of the deltas to a list. */
void gw_places_of_deltas(const X509_CRL *crl, struct gw_places *p);

#endif

/* auth/names.h — are names in certificates well written? Linked into gwd-auth
 * (gwcert). Pure; no name need end in NUL. */
#ifndef GW_NAMES_H
#define GW_NAMES_H

#include "ossl.h"

bool gw_name_has_nul(const ASN1_STRING *s);

/* Labels of letters, digits, '-' and '_' between single dots. */
bool gw_name_is_host(const char *p, size_t len);

/* The same with a '.' before it, too: "any host below". */
bool gw_name_is_host_or_below(const char *p, size_t len);

/* A mailbox, or a host (or below) that mailboxes are at; "" is fine. */
bool gw_name_is_mail(const ASN1_STRING *s);

/* Of one alternative name: could it be what its type says, so that a name
 * constraint can hold it? */
bool gw_name_is_plausible(const GENERAL_NAME *g);

/* As RFC 5280, 4.2.1.6, wants them: DNS names in the preferred syntax (RFC
 * 1034, 3.5, and RFC 1123, 2.1: no '_', and no '-' at the ends of a label; "*"
 * may stand for the first label), absolute URIs. Other types of name are none
 * of its business. */
bool gw_name_is_preferred(const GENERAL_NAME *g);

#endif

/* gateway/supervisor/syntax.h — how names in the configuration may be
 * written. Linked into gwd only. Pure. */
#ifndef GW_SYNTAX_H
#define GW_SYNTAX_H

#include <stdbool.h>

#define GW_TITLE_MAX 64

/* A DNS name, by its characters. */
bool gw_is_host(const char *s);
/* Active Directory's: the domain's name in capitals. */
bool gw_is_realm(const char *s);
/* A section's; at most GW_TITLE_MAX bytes. */
bool gw_is_title(const char *s);
/* The name of a header field: RFC 9110 5.6.2. */
bool gw_is_token(const char *s);
/* A route's: absolute, with nothing in it that could be read in two ways. */
bool gw_is_path(const char *s);

#endif

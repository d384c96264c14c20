/* auth/paths.h — every way up from a certificate. Linked into gwd-auth
 * (gwcert). Pure; judges nothing but names and key identifiers.
 *
 * libcrypto follows one path. Where CAs have namesakes or cross-certificates
 * (RFC 4158), the one it happens to choose may be the one that fails. */
#ifndef GW_PATHS_H
#define GW_PATHS_H

#include "ossl.h"

#define GW_PATHS_TRIES 24   /* ways handed out */
#define GW_PATHS_STEPS 2048 /* certificates put on a way */

/* Hands each way from `given`'s first certificate to one of `anchors` to `fn`,
 * leaf first, short ways first, at most `max_depth` CAs between the ends,
 * until `fn` says true or a limit is reached. A way ends at an anchor above
 * which no anchor stands. Ways are borrowed for the call. True: `fn` said
 * so. */
bool gw_paths_any(STACK_OF(X509) *given, STACK_OF(X509) *anchors,
		  int max_depth, bool (*fn)(void *arg, STACK_OF(X509) *way),
		  void *arg);

#endif

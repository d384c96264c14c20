/* pac.h — who a PAC is about. Linked into gwd-kdc only. Pure parsers of two
 * buffers of a PAC that libkrb5 has verified; they trust no length in it. */
#ifndef KDC_PAC_H
#define KDC_PAC_H

#include "gw/identity.h"

#define GW_PAC_LOGON_INFO   1
#define GW_PAC_UPN_DNS_INFO 12

/* UPN_DNS_INFO with the extended part (MS-PAC 2.10): false when the buffer
 * is malformed or has no SID in it (before the updates of November 2021). */
GW_MUST_CHECK bool gw_pac_upn_sid(const uint8_t *p, size_t len,
				  char out[GW_SID_MAX]);

/* KERB_VALIDATION_INFO (MS-PAC 2.5): domain SID and user RID together. */
GW_MUST_CHECK bool gw_pac_logon_sid(const uint8_t *p, size_t len,
				    char out[GW_SID_MAX]);

#endif

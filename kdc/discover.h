/* discover.h — which domain controllers there are: from the configuration,
 * or from DNS (RFC 2782, MS-ADTS 6.3.2.3). Linked into gwd-kdc only. Blocks;
 * called by the housekeeping thread, never on a login's way. */
#ifndef KDC_DISCOVER_H
#define KDC_DISCOVER_H

#include "gw/conf.h"
#include "transport.h"

#define GW_DCS_MAX 64

struct gw_found_dc {
	char name[GW_HOST_MAX]; /* lower case, no dot at the end */
	union gw_addr addr;
	unsigned priority;      /* lower is better */
};

/* "NAME" or "NAME@ADDRESS" of the configuration, without DNS: true when the
 * address is known, else family is AF_UNSPEC. GW_ERR_CONF. */
GW_MUST_CHECK enum gw_err gw_dc_parse(const char *text,
				      struct gw_found_dc *out,
				      struct gw_error *err);

/* Configured ones that need no DNS; to start with. Returns how many. */
size_t gw_discover_static(const struct gw_conf_directory *conf,
			  struct gw_found_dc out[GW_DCS_MAX]);

/* Everything, with DNS where it is needed. GW_ERR_KDC_UNREACHABLE when not a
 * single one has an address. */
GW_MUST_CHECK enum gw_err gw_discover(const struct gw_conf_directory *conf,
				      struct gw_found_dc out[GW_DCS_MAX],
				      size_t *out_count, struct gw_error *err);
bool gw_discover_needs_dns(const struct gw_conf_directory *conf);

#endif

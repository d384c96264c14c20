/* gw/moment.h — a point in time as operators write it. Linked into every
 * process. Pure. */
#ifndef GW_MOMENT_H
#define GW_MOMENT_H

#include <stdbool.h>
#include <stdint.h>

/* Unix seconds, or RFC 3339: "2030-01-31T12:00:00Z"; also without Z, without
 * the time, with a space, or with an offset "+02:00". False: neither. */
bool gw_parse_moment(const char *s, int64_t *out);

#endif

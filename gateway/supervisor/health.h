/* gateway/supervisor/health.h — what is wrong, said once, with its cure.
 * Linked into gwd only. Pure: no clock, no I/O, no globals. */
#ifndef GW_HEALTH_H
#define GW_HEALTH_H

#include <jansson.h>
#include "gw/compiler.h"

/* Worst last; also the exit status of `gwctl status`. DOWN: nobody new can
 * log in, or nobody reaches anything. */
enum gw_health { GW_HEALTHY, GW_DEGRADED, GW_DOWN };

const char *gw_health_name(enum gw_health h);

/* Judges the document of GET /v1/status (processes and the children's rows;
 * any of it may be missing or malformed) and appends to `problems` objects
 * {"severity": "critical"|"warning"|"note", "what", "cure"}, the worst
 * first. Notes do not change the verdict. */
enum gw_health gw_health_judge(const json_t *status, json_t *problems);

#endif

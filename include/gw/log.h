/* gw/log.h — one line is one event: name, then key=value. Linked into every
 * process; only the loops of the daemons call it, once per outcome.
 *
 * Lines go to stderr with the journal's <N> priority prefix. Peer-supplied
 * text is escaped (no control characters, no quotes, no newline) and cut at
 * 256 bytes. Secrets, tickets, DER and cookies are never passed in. */
#ifndef GW_LOG_H
#define GW_LOG_H

#include "gw/compiler.h"

enum gw_level { GW_LOG_ERR = 3, GW_LOG_WARN = 4, GW_LOG_INFO = 6,
		GW_LOG_DEBUG = 7 };

/* By its name in the configuration: error, warning, info or debug. False, and
 * `*out` as it was, for any other. */
bool gw_log_level(const char *name, enum gw_level *out);

/* Names the process in every line; set once at start. */
void gw_log_init(const char *process, enum gw_level max);

/* Whether such an event would be written: asked before costly values are
 * made up for it. */
bool gw_log_wants(enum gw_level level);

/* gw_event(GW_LOG_INFO, "login-denied", "req", id, "reason", name, NULL);
 * pairs of strings ended by NULL; a NULL value is shown as "-". */
void gw_event(enum gw_level level, const char *event, ...)
	__attribute__((sentinel));

/* A number as text for gw_event: lives until the end of the full expression
 * of the caller's block (compound literal). */
struct gw_num { char s[24]; };
#define GW_NUM(n) (gw_num_format(&(struct gw_num){ "" }, (int64_t)(n)))
const char *gw_num_format(struct gw_num *buf, int64_t n);

#endif

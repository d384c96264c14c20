/* gw/util.h — allocation that dies instead of failing, clocks, random ids and
 * bounded text. Linked into every process. libc only. */
#ifndef GW_UTIL_H
#define GW_UTIL_H

#include <stdlib.h>
#include "gw/compiler.h"

/* Memory exhaustion ends the process (the supervisor restarts it). */
void *gw_xcalloc(size_t n, size_t size) GW_MUST_CHECK;
void *gw_xrealloc(void *p, size_t n, size_t size) GW_MUST_CHECK;
char *gw_xstrdup(const char *s) GW_MUST_CHECK;
char *gw_xstrndup(const char *s, size_t len) GW_MUST_CHECK;
char *gw_xasprintf(const char *fmt, ...) GW_PRINTF(1, 2) GW_MUST_CHECK;

GW_DEFINE_CLEANUP(char *, free)

/* Copies with the NUL; false, and `out` empty, when it does not fit. */
bool gw_copy(char *out, size_t cap, const char *s) GW_MUST_CHECK;
/* As printf into a buffer; false, and `out` empty, when it does not fit. */
bool gw_format(char *out, size_t cap, const char *fmt, ...) GW_PRINTF(3, 4);
/* Makes control characters '?': text from elsewhere must not steer a terminal
 * or begin a line of its own. In place. */
void gw_mask_controls(char *s);

uint64_t gw_mono_ms(void);                /* monotonic clock, milliseconds */
uint64_t gw_mono_us(void);                /* the same in microseconds */

/* Kernel randomness; dies when there is none. */
void gw_random(void *out, size_t len);

/* An id people can read out: 16 lower-case hex digits and NUL. It names one
 * login in the page, the log and gwctl. */
#define GW_LOGIN_ID_SIZE 17
void gw_login_id_new(char out[GW_LOGIN_ID_SIZE]);
bool gw_login_id_is_valid(const char *s);

void gw_hex(const uint8_t *p, size_t len, char *out); /* out: 2*len+1 */

/* Overwrites memory so that the compiler cannot leave it out. */
void gw_wipe(void *p, size_t len);

void gw_set_nonblock(int fd);
void gw_close(int *fd); /* closes if >= 0, sets to -1 */

#endif

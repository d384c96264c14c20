/* opened.h — a registry in a directory of the test's own, for those unit
 * tests that open it again and again. Each test has it empty, by
 * registry_begin(). */
#ifndef OPENED_H
#define OPENED_H

#include "registry.h"

#define CRL_DIR "/etc/gwd/crl"

extern struct gw_registry *reg; /* NULL: it did not open */
extern char path[64];           /* of its registry.db */

void registry_begin(void);
void registry_finish(void); /* removes the directory */

/* From what is on disk. */
enum gw_err open_again(const char *crl_dir, struct gw_error *err);
void reopen(void); /* which succeeds */

#endif

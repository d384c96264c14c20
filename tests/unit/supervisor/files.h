/* files.h — a directory with what a configuration names: certificates and
 * keys good and bad, keytabs, gwd.conf. For the supervisor's tests. */
#ifndef FILES_H
#define FILES_H

#include <stddef.h>

/* Makes a fresh directory with ca.pem, leaf.pem (not a CA's, with key.pem),
 * other.pem (another key), locked.pem (encrypted), weak.pem (RSA 1024),
 * weakcert.pem, svc.keytab and so on, and returns its name. It is removed
 * when the process ends. */
const char *files_make(void);

/* Writes a file into it; mode as for chmod(2). */
void files_write(const char *name, const void *data, size_t len,
		 unsigned mode);

/* The text of a configuration that is good. */
const char *files_conf(void);

#endif

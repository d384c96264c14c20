/* gateway/ctl/pem.h — the certificates of a PEM file, and nothing else of it.
 * Linked into gwctl only. */
#ifndef GW_CTL_PEM_H
#define GW_CTL_PEM_H

#include "gw/compiler.h"

/* The whole file, "-" for standard input. Heap; NULL, with a line on stderr,
 * when it cannot be read, is too large or is no text. */
char *gw_pem_read(const char *path) GW_MUST_CHECK;
/* The next certificate of the text from `*at` on, which moves. Heap; NULL at
 * the end. A private key beside it stays where it is. */
char *gw_pem_next(char **at) GW_MUST_CHECK;

#endif

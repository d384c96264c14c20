/* pem.c — see pem.h. */
#include "pem.h"
#include "gw/util.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define FILE_MAX_BYTES (4u * 1024 * 1024)
#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

char *
gw_pem_read(const char *path)
{
	FILE *f = strcmp(path, "-") == 0 ? stdin : fopen(path, "re");
	char *p = NULL;
	size_t n = 0;

	if (f == NULL) {
		fprintf(stderr, "gwctl: %s: %s\n", path, strerror(errno));
		return NULL;
	}
	p = gw_xcalloc(FILE_MAX_BYTES + 1, 1);
	n = fread(p, 1, FILE_MAX_BYTES + 1, f);
	if (f != stdin)
		fclose(f);
	if (n <= FILE_MAX_BYTES && memchr(p, '\0', n) == NULL) {
		p[n] = '\0';
		return p;
	}
	fprintf(stderr, "gwctl: %s: too large, or not PEM (a DER file is "
		"converted by openssl x509 -inform DER)\n", path);
	free(p);
	return NULL;
}

char *
gw_pem_next(char **at)
{
	char *begin = strstr(*at, BEGIN);
	char *end = begin != NULL ? strstr(begin, END) : NULL;

	if (end == NULL)
		return NULL;
	*at = end + strlen(END);
	return gw_xasprintf("%.*s\n", (int)(*at - begin), begin);
}

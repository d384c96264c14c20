/* pki.h — certificates for the registry's tests, made in memory. */
#ifndef PKI_H
#define PKI_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

struct made {
	const char *name;
	bool is_leaf;     /* basicConstraints CA:FALSE */
	bool has_no_ext;  /* no basicConstraints at all */
	int bits;         /* RSA; 0: P-256 */
	bool is_pss;      /* signed with RSASSA-PSS */
	bool has_pss_key; /* for nothing but RSASSA-PSS */
	long days;        /* until its end, from now; 0: ten years */
};

/* PEM text, the caller's to free. */
char *make_cert(struct made m);

#endif

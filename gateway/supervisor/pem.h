/* gateway/supervisor/pem.h — certificates and keys as the configuration
 * names them: do they parse, do they belong together, when do they end.
 * Linked into gwd only. Judges no client's certificate. */
#ifndef GW_PEM_H
#define GW_PEM_H

#include "own.h"

#define GW_SUBJECT_MAX 256

struct gw_pem_cert {
	char subject[GW_SUBJECT_MAX]; /* RFC 2253 form, cut when longer */
	time_t begins, expires;
	int key_type;                 /* gw_own_key_type() */
	struct gw_strlist names;      /* gw_own_names() */
	bool is_ca;
	uint8_t *pem; /* heap: this certificate alone */
	size_t len;
};

struct gw_pem_list {
	struct gw_pem_cert *v;
	size_t n;
};

/* All certificates of a PEM text, in order; an empty list is success. False
 * when one does not parse: `out->n` is how many stood before it. Free it in
 * either case. */
GW_MUST_CHECK bool gw_pem_certs(const uint8_t *text, size_t len,
				struct gw_pem_list *out);
void gw_pem_clear(struct gw_pem_list *l);

enum gw_pem_key { GW_PEM_KEY_OK, GW_PEM_KEY_NONE, GW_PEM_KEY_ENCRYPTED,
		  GW_PEM_KEY_OTHER, GW_PEM_KEY_WEAK };

/* Whether `key` is the private key of the first certificate. */
enum gw_pem_key gw_pem_check_key(const uint8_t *cert, size_t cert_len,
				 const uint8_t *key, size_t key_len);

/* An OCSP response in DER for the first certificate; see own.h. `*out_until`
 * is when it ends, 0: not known. */
enum gw_staple gw_pem_check_staple(const uint8_t *cert, size_t cert_len,
				   const uint8_t *der, size_t len, time_t now,
				   time_t *out_until);

#endif

/* answers.h — OCSP answers of every kind, made on the spot. Linked into the
 * unit tests of auth. */
#ifndef ANSWERS_H
#define ANSWERS_H

#include "vectors.h"

struct single_answer {
	const char *leaf;   /* NULL: "good" */
	const char *issuer; /* NULL: "issuing" */
	const char *md;     /* of the CertID; NULL: "SHA1" */
	int status;         /* V_OCSP_CERTSTATUS_… */
	int reason;         /* revoked: CRLReason, -1 none */
	long this, next;    /* seconds from NOW */
	bool has_no_next;
	const char *critical; /* OID of a critical extension */
};

struct answer {
	const char *signer;   /* NULL: "ocsp" */
	bool by_key;          /* ResponderID */
	bool has_no_certs;    /* the signer's certificate is left out */
	const char *also;     /* another certificate to put in, first */
	int more;             /* …and so many times more */
	const char *md;       /* of the signature; NULL: "SHA256" */
	bool is_pss;
	long produced;        /* seconds from NOW */
	int response_status;  /* other than 0: nothing else is in it */
	const char *critical;
	const uint8_t *nonce;
	size_t nonce_len;
	struct single_answer v[4];
	size_t n;             /* 0: one `good` answer, an hour old */
};

/* DER; the caller frees it with OPENSSL_free(). */
uint8_t *answer_make(const struct answer *a, size_t *out_len);

#endif

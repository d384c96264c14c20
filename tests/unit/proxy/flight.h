/* flight.h — what a TLS 1.3 client says where its certificate and the proof of
 * its key belong (RFC 8446, 4.4), by raw.h. */
#ifndef GW_TEST_FLIGHT_H
#define GW_TEST_FLIGHT_H

#include "rig.h"
#include "raw.h"

enum {
	UNEXPECTED = 10, BAD_CERTIFICATE = 42, ILLEGAL = 47, DECODE = 50,
	DECRYPT = 51, REQUIRED = 116,
	ECDSA_SHA1 = 0x0203, ECDSA_P256 = 0x0403, ECDSA_P384 = 0x0503,
	RSA_PKCS1 = 0x0401, PSS_256 = 0x0804, PSS_384 = 0x0805,
	PSS_PSS_256 = 0x0809,
};

/* The client of one case. */
struct who {
	struct raw *t;
	const struct rig_pki *pki;
	EVP_PKEY *other, *rsa;
	X509 *rsa_card;
	unsigned in; /* so often gwd-auth was to be asked by now */
};

/* Its certificate; the proof of its key by ECDSA. */
void card(struct who *w);
void prove(struct who *w);
/* Certificate and proof; the same with the proof of another key. */
void right(struct who *w);
void other_key(struct who *w);

struct flight {
	const char *what;
	void (*say)(struct who *w);
	int alert;
	int where_alerts_tell; /* 0: the same */
};

/* Proofs that are none, and two that are. */
extern const struct flight flight_proofs[];
extern const size_t flight_proof_count;

#endif

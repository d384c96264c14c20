/* strength.c — see strength.h. */
#include "strength.h"

#include <openssl/err.h>
#include <openssl/rsa.h>

/* The digest of RSASSA-PSS stands in the parameters; SHA-1 when absent. */
static int
pss_digest(const X509_ALGOR *alg)
{
	RSA_PSS_PARAMS *p = NULL;
	const ASN1_OBJECT *oid = NULL;
	const void *value = NULL;
	int type = V_ASN1_UNDEF, nid = NID_sha1;

	X509_ALGOR_get0(NULL, &type, &value, alg);
	if (type == V_ASN1_SEQUENCE)
		p = ASN1_TYPE_unpack_sequence(ASN1_ITEM_rptr(RSA_PSS_PARAMS),
					      alg->parameter);
	if (p != NULL && p->hashAlgorithm != NULL) {
		X509_ALGOR_get0(&oid, NULL, NULL, p->hashAlgorithm);
		nid = OBJ_obj2nid(oid);
	}
	RSA_PSS_PARAMS_free(p);
	return nid;
}

bool
gw_signature_is_strong(const X509_ALGOR *alg)
{
	static const int good[] = { NID_sha224, NID_sha256, NID_sha384,
				    NID_sha512, NID_sha3_224, NID_sha3_256,
				    NID_sha3_384, NID_sha3_512 };
	const ASN1_OBJECT *oid = NULL;
	int sig, digest = NID_undef;

	X509_ALGOR_get0(&oid, NULL, NULL, alg);
	sig = OBJ_obj2nid(oid);
	if (sig == NID_ED25519 || sig == NID_ED448)
		return true;
	if (sig == NID_rsassaPss)
		digest = pss_digest(alg);
	else if (OBJ_find_sigid_algs(sig, &digest, NULL) != 1)
		return false;
	for (size_t i = 0; i < GW_COUNT(good); i++)
		if (good[i] == digest)
			return true;
	return false;
}

/* vectors.c — see vectors.h. */
#include "vectors.h"
#include "gw/util.h"

#include <criterion/criterion.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <string.h>

#define CACHE 256

static struct {
	char name[64];
	X509 *cert;
	EVP_PKEY *key;
	uint8_t *der;
	size_t len;
} cache[CACHE];

const char *
vec_path(const char *name, const char *suffix)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/%s%s", VECTORS, name, suffix);
	return path;
}

static size_t
load(const char *name)
{
	size_t i = 0;
	FILE *f;
	int len;

	while (cache[i].name[0] != '\0' && strcmp(cache[i].name, name) != 0)
		i++;
	cr_assert_lt(i, CACHE);
	if (cache[i].name[0] != '\0')
		return i;
	f = fopen(vec_path(name, ".pem"), "r");
	cr_assert_not_null(f, "%s", name);
	cache[i].cert = PEM_read_X509(f, NULL, NULL, NULL);
	fclose(f);
	f = fopen(vec_path(name, ".key"), "r");
	cr_assert_not_null(f, "%s", name);
	cache[i].key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	fclose(f);
	cr_assert(cache[i].cert != NULL && cache[i].key != NULL, "%s", name);
	len = i2d_X509(cache[i].cert, &cache[i].der);
	cr_assert_gt(len, 0);
	cache[i].len = (size_t)len;
	snprintf(cache[i].name, sizeof(cache[i].name), "%s", name);
	return i;
}

X509 *
vec(const char *name)
{
	return cache[load(name)].cert;
}

EVP_PKEY *
vec_key(const char *name)
{
	return cache[load(name)].key;
}

struct gw_der
vec_der(const char *name)
{
	size_t i = load(name);

	return (struct gw_der){ cache[i].der, cache[i].len };
}

static void
add_ext(X509 *x, const struct raw_ext *e)
{
	ASN1_OBJECT *oid = OBJ_txt2obj(e->oid, 0);
	ASN1_OCTET_STRING *s = ASN1_OCTET_STRING_new();
	X509_EXTENSION *ext;

	cr_assert(oid != NULL && s != NULL);
	cr_assert_eq(ASN1_OCTET_STRING_set(s, e->p, (int)e->len), 1);
	ext = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, s);
	cr_assert_eq(X509_add_ext(x, ext, -1), 1);
	X509_EXTENSION_free(ext);
	ASN1_OCTET_STRING_free(s);
	ASN1_OBJECT_free(oid);
}

X509 *
vec_raw(const struct raw_ext *exts, size_t n)
{
	X509 *x = X509_new(), *out;
	X509_NAME *name = X509_get_subject_name(x);
	uint8_t *der = NULL;
	const uint8_t *p;
	int len;

	X509_set_version(x, X509_VERSION_3);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 0x010203);
	X509_NAME_add_entry_by_txt(name, "DC", MBSTRING_ASC,
				   (const uint8_t *)"com", -1, -1, 0);
	X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
				   (const uint8_t *)"raw", -1, -1, 0);
	X509_set_issuer_name(x, name);
	ASN1_TIME_set(X509_getm_notBefore(x), NOW - 1000);
	ASN1_TIME_set(X509_getm_notAfter(x), NOW + 1000);
	X509_set_pubkey(x, vec_key("good"));
	for (size_t i = 0; i < n; i++)
		add_ext(x, &exts[i]);
	cr_assert_gt(X509_sign(x, vec_key("good"), EVP_sha256()), 0);
	/* through DER once, so that nothing is left of how it was made */
	len = i2d_X509(x, &der);
	p = der;
	out = d2i_X509(NULL, &p, len);
	cr_assert_not_null(out);
	OPENSSL_free(der);
	X509_free(x);
	return out;
}

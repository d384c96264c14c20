/* files.c — see files.h. */
#include "files.h"
#include "staple.h"
#include "gw/util.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[] = "/tmp/gwd-test-XXXXXX";
static pid_t maker;

static void
path_of(const char *name, char out[256])
{
	gw_assert(gw_format(out, 256, "%s/%s", dir, name));
}

static void
remove_all(void)
{
	char cmd[300];

	if (getpid() != maker)
		return;
	gw_assert(gw_format(cmd, sizeof(cmd), "rm -rf '%s'", dir));
	(void)!system(cmd);
}

void
files_write(const char *name, const void *data, size_t len, unsigned mode)
{
	char path[256];
	FILE *f;

	path_of(name, path);
	(void)unlink(path);
	f = fopen(path, "we");
	gw_assert(f != NULL);
	gw_assert(fwrite(data, 1, len, f) == len);
	gw_assert(fclose(f) == 0 && chmod(path, mode) == 0);
}

static void
write_bio(const char *name, BIO *b, unsigned mode)
{
	char *p;
	long n = BIO_get_mem_data(b, &p);

	files_write(name, p, (size_t)n, mode);
	BIO_free(b);
}

static void
write_key(const char *name, EVP_PKEY *k, const char *pass)
{
	BIO *b = BIO_new(BIO_s_mem());

	gw_assert(PEM_write_bio_PKCS8PrivateKey(b, k, pass != NULL
				? EVP_aes_128_cbc() : NULL, NULL, 0, NULL,
				(void *)(uintptr_t)pass) == 1);
	write_bio(name, b, 0600);
}

struct made {
	const char *cn;
	X509 *issuer;         /* NULL: itself */
	EVP_PKEY *issuer_key; /* NULL: its own */
	int is_ca;
	long serial;
	long ends;            /* days from now; 0: 400 */
};

static X509 *
make_cert(EVP_PKEY *k, const struct made *m)
{
	X509 *x = X509_new();
	X509_NAME *n = X509_get_subject_name(x);
	X509_EXTENSION *e;

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x),
			 m->serial != 0 ? m->serial : 1);
	X509_gmtime_adj(X509_getm_notBefore(x), -864000L);
	X509_gmtime_adj(X509_getm_notAfter(x),
			86400L * (m->ends != 0 ? m->ends : 400));
	X509_NAME_add_entry_by_txt(n, "CN", MBSTRING_UTF8,
				   (const unsigned char *)m->cn, -1, -1, 0);
	X509_set_issuer_name(x, m->issuer != NULL
				? X509_get_subject_name(m->issuer) : n);
	X509_set_pubkey(x, k);
	e = X509V3_EXT_conf_nid(NULL, NULL, NID_basic_constraints,
				m->is_ca ? "critical,CA:TRUE" : "CA:FALSE");
	gw_assert(e != NULL && X509_add_ext(x, e, -1) == 1);
	X509_EXTENSION_free(e);
	gw_assert(X509_sign(x, m->issuer_key != NULL ? m->issuer_key : k,
			    EVP_sha256()) > 0);
	return x;
}

/* Its issuer's certificate follows when it has one. */
static X509 *
write_cert(const char *name, EVP_PKEY *k, const struct made *m)
{
	X509 *x = make_cert(k, m);
	BIO *b = BIO_new(BIO_s_mem());

	gw_assert(PEM_write_bio_X509(b, x) == 1 &&
		  (m->issuer == NULL ||
		   PEM_write_bio_X509(b, m->issuer) == 1));
	write_bio(name, b, 0644);
	return x;
}
#define CERT(name, k, ...) \
	X509_free(write_cert(name, k, &(struct made){ __VA_ARGS__ }))

static void
write_staple(const char *name, const struct staple *s)
{
	uint8_t der[4096];

	files_write(name, der, staple_make(s, der, sizeof(der)), 0644);
}

/* issued.pem, of ca.pem and with the key of other.pem, and answers about
 * it. */
static void
make_staples(EVP_PKEY *ca_key, X509 *ca, EVP_PKEY *key)
{
	X509 *leaf = write_cert("issued.pem", key, &(struct made){
		.cn = "issued.example.com", .issuer = ca,
		.issuer_key = ca_key, .serial = 7 });
	struct staple good = { .about = leaf, .issuer = ca, .signer = ca,
			       .key = ca_key, .from = -3600,
			       .until = 86400 }, s = good;

	write_staple("staple.der", &good);
	s.until = -60;
	write_staple("old.der", &s);
	s = good;
	s.from = 7200;
	write_staple("early.der", &s);
	s = good;
	s.until = 0;
	write_staple("endless.der", &s);
	s = good;
	s.status = V_OCSP_CERTSTATUS_REVOKED;
	write_staple("revoked.der", &s);
	s = good;
	s.about = ca;
	write_staple("foreign.der", &s);
	s = good;
	s.signer = leaf;
	s.key = key;
	write_staple("self.der", &s);
	X509_free(leaf);
}

static void
make_pems(void)
{
	EVP_PKEY *a = EVP_EC_gen("P-256"), *b = EVP_EC_gen("P-256");
	EVP_PKEY *weak = EVP_RSA_gen(1024), *rsa = EVP_RSA_gen(2048);
	X509 *ca;

	gw_assert(a != NULL && b != NULL && weak != NULL && rsa != NULL);
	ca = write_cert("ca.pem", a, &(struct made){ .cn = "Corp CA",
						     .is_ca = 1 });
	make_staples(a, ca, b);
	X509_free(ca);
	CERT("leaf.pem", a, .cn = "gw.corp.example.com");
	CERT("ca2.pem", b, .cn = "Second CA", .is_ca = 1);
	CERT("same.pem", b, .cn = "GW.corp.example.com");
	CERT("expired.pem", b, .cn = "old.example.com", .ends = -5);
	CERT("rsa.pem", rsa, .cn = "gw.corp.example.com");
	CERT("nameless.pem", rsa, .cn = "no name");
	write_key("rsa-key.pem", rsa, NULL);
	EVP_PKEY_free(rsa);
	write_key("key.pem", a, NULL);
	write_key("other.pem", b, NULL);
	write_key("locked.pem", a, "secret");
	write_key("weak.pem", weak, NULL);
	CERT("weakcert.pem", weak, .cn = "gw.corp.example.com");
	EVP_PKEY_free(a);
	EVP_PKEY_free(b);
	EVP_PKEY_free(weak);
}

static void
put(const char *name, const char *text, unsigned mode)
{
	files_write(name, text, strlen(text), mode);
}

const char *
files_make(void)
{
	gw_assert(mkdtemp(dir) != NULL);
	gw_assert(chmod(dir, 0755) == 0);
	maker = getpid();
	atexit(remove_all);
	make_pems();
	put("svc.keytab", "\005\002 keys", 0600);
	put("open.keytab", "\005\002 keys", 0644);
	put("bad.keytab", "not a keytab", 0600);
	put("empty.pem", "nothing here\n", 0644);
	put("garbage.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"
	    "-----END CERTIFICATE-----\n", 0644);
	return dir;
}

const char *
files_conf(void)
{
	return "# gwd.conf of the tests\n"
	       "proxy_user = \"61001\"\n"
	       "auth_user = \"61002\"\n"
	       "kdc_user = \"61003:61003\" // numbers need no user\n"
	       "socket = \"/tmp/gwd-test-never-made/gwd.sock\"\n"
	       "state_dir = \"/tmp/gwd-test-never-made\"\n"
	       "workers = 2\n"
	       "/* a comment\n"
	       " * of lines */\n"
	       "directory {\n"
	       "	realm = \"CORP.EXAMPLE.COM\"\n"
	       "	domain = \"corp.example.com\"\n"
	       "	service_account = \"svc-gwd\"\n"
	       "	keytab = \"svc.keytab\"\n"
	       "	domain_controllers = { \"dc1@192.0.2.1\", \"dc2\" }\n"
	       "	kdc_timeout = 2s\n"
	       "}\n"
	       "mapping { strong = \"prefer\" }\n"
	       "ca \"corp\" {\n"
	       "	file = \"ca.pem\"\n"
	       "	ocsp_url = \"http://ocsp.example.com/\"\n"
	       "}\n"
	       "upstream \"broker\" {\n"
	       "	servers = { \"127.0.0.1:8080\" }\n"
	       "}\n"
	       "listener \"main\" {\n"
	       "	address = \"127.0.0.1:0\"\n"
	       "	certificate = \"leaf.pem\"\n"
	       "	key = \"key.pem\"\n"
	       "	upstream = \"broker\"\n"
	       "	require_group = { \"Smartcard Users\" }\n"
	       "	route \"/echo\" {\n"
	       "		upstream = \"broker\"\n"
	       "	}\n"
	       "}\n";
}

/* krbconf.c — see krbconf.h. */
#include "krbconf.h"
#include "krberr.h"
#include "gw/util.h"

#include <errno.h>
#include <string.h>
#include <strings.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <unistd.h>

const char gw_krbconf_keytab[] = "MEMORY:gwd-kdc";

bool
gw_krbconf_environment(void)
{
	static const char *const unwanted[] = {
		"KRB5_TRACE", "KRB5_KTNAME", "KRB5_CLIENT_KTNAME",
		"KRB5RCACHETYPE", "GSS_MECH_CONFIG", "SASL_PATH",
		"SASL_CONF_PATH", "LDAPCONF", "LDAPRC",
	};

	for (size_t i = 0; i < GW_COUNT(unwanted); i++)
		unsetenv(unwanted[i]);
	/* fail closed: a library that goes looking for credentials by itself
	 * finds none. */
	return getauxval(AT_SECURE) == 0 &&
	       setenv("KRB5CCNAME", "MEMORY:none", 1) == 0 &&
	       setenv("KRB5_CONFIG", "/dev/null", 1) == 0 &&
	       setenv("LDAPNOINIT", "1", 1) == 0;
}

/* An anonymous file with these bytes, and a name to open it by. */
static enum gw_err
memory_file(const void *data, size_t len, int *out_fd, char **out_path,
	    struct gw_error *err)
{
	int fd = memfd_create("gwd-kdc", MFD_CLOEXEC);

	if (fd < 0 || write(fd, data, len) != (ssize_t)len) {
		gw_close(&fd);
		return gw_fail(err, GW_ERR_SYSTEM, "memfd: %s",
			       strerror(errno));
	}
	*out_fd = fd;
	*out_path = gw_xasprintf("/proc/self/fd/%d", fd);
	return GW_ERR_OK;
}

/* The KDC named here is never asked: see transport.h. GSSAPI makes contexts
 * of its own and reads the same text through KRB5_CONFIG. */
static char *
profile_text(const char *realm)
{
	return gw_xasprintf(
		"[libdefaults]\n"
		"default_realm = %s\n"
		"dns_lookup_kdc = false\n"
		"dns_lookup_realm = false\n"
		"dns_uri_lookup = false\n"
		"dns_canonicalize_hostname = false\n"
		"rdns = false\n"
		"forwardable = true\n"
		"udp_preference_limit = 1\n"
		"default_ccache_name = MEMORY:none\n"
		"default_keytab_name = MEMORY:none\n"
		"default_client_keytab_name = MEMORY:none\n"
		"[realms]\n"
		"%s = {\n"
		"\tkdc = 127.0.0.1:1\n"
		"}\n", realm, realm);
}

enum gw_err
gw_krb_fail(krb5_context ctx, struct gw_error *err, enum gw_err meaning,
	    const char *what, krb5_error_code code)
{
	const char *text = krb5_get_error_message(ctx, code);
	int wire = gw_krb_wire_code(code);

	if (wire >= 0)
		(void)gw_fail(err, meaning, "%s: %s (KDC error %d)", what,
			      text, wire);
	else
		(void)gw_fail(err, meaning, "%s: %s (%ld)", what, text,
			      (long)code);
	krb5_free_error_message(ctx, text);
	return meaning;
}

static enum gw_err
write_profile(struct gw_krbconf *k, struct gw_error *err)
{
	gw_auto(free) char *text = profile_text(k->realm);
	int fd; /* stays open: GSSAPI reads it again for each context */
	enum gw_err rc = memory_file(text, strlen(text), &fd, &k->path, err);

	if (rc == GW_ERR_OK && setenv("KRB5_CONFIG", k->path, 1) != 0)
		rc = gw_fail(err, GW_ERR_SYSTEM, "KRB5_CONFIG: %s",
			     strerror(errno));
	return rc;
}

enum gw_err
gw_krbconf_context(const struct gw_krbconf *k, krb5_context *out,
		   struct gw_error *err)
{
	profile_t profile = NULL;
	long ret = profile_init_path(k->path, &profile);

	if (ret == 0)
		ret = krb5_init_context_profile(
			profile, KRB5_INIT_CONTEXT_SECURE, out);
	if (profile != NULL)
		profile_release(profile);
	if (ret != 0)
		return gw_fail(err, GW_ERR_SYSTEM, "libkrb5: context: %ld",
			       ret);
	return GW_ERR_OK;
}

/* AD treats names of accounts without regard to case; Kerberos keys do not,
 * so we take the name exactly as the keytab has it. */
static bool
is_account(const struct gw_krbconf *k, const char *account,
	   krb5_const_principal p)
{
	return p->length == 1 && p->realm.length == strlen(k->realm) &&
	       memcmp(p->realm.data, k->realm, p->realm.length) == 0 &&
	       p->data[0].length == strlen(account) &&
	       strncasecmp(p->data[0].data, account, strlen(account)) == 0;
}

static krb5_error_code
take_entry(struct gw_krbconf *k, const char *account, krb5_keytab_entry *e)
{
	krb5_error_code ret = 0;

	if (is_account(k, account, e->principal)) {
		if (k->principal == NULL)
			ret = krb5_copy_principal(k->ctx, e->principal,
						  &k->principal);
		k->kvno = GW_MAX(k->kvno, e->vno);
	}
	return ret != 0 ? ret : krb5_kt_add_entry(k->ctx, k->keytab, e);
}

static krb5_error_code
copy_keytab(struct gw_krbconf *k, const char *account, krb5_keytab from)
{
	krb5_kt_cursor cursor;
	krb5_keytab_entry e;
	krb5_error_code ret, end;

	ret = krb5_kt_start_seq_get(k->ctx, from, &cursor);
	if (ret != 0)
		return ret;
	while ((ret = krb5_kt_next_entry(k->ctx, from, &e, &cursor)) == 0) {
		ret = take_entry(k, account, &e);
		krb5_free_keytab_entry_contents(k->ctx, &e);
		if (ret != 0)
			break;
	}
	end = krb5_kt_end_seq_get(k->ctx, from, &cursor);
	return ret != KRB5_KT_END ? ret : end;
}

static krb5_error_code
read_keytab(struct gw_krbconf *k, const char *account, const char *path)
{
	gw_auto(free) char *name = gw_xasprintf("FILE:%s", path);
	krb5_keytab from = NULL;
	krb5_error_code ret = krb5_kt_resolve(k->ctx, name, &from);

	if (ret == 0)
		ret = krb5_kt_resolve(k->ctx, gw_krbconf_keytab, &k->keytab);
	if (ret == 0)
		ret = copy_keytab(k, account, from);
	if (from != NULL)
		krb5_kt_close(k->ctx, from);
	return ret;
}

/* The keys' way through a file ends with that file overwritten. */
static void
wipe_file(int fd, size_t len)
{
	gw_auto(free) char *zeros = gw_xcalloc(1, len + 1);
	ssize_t n = pwrite(fd, zeros, len, 0);

	(void)n;
	gw_close(&fd);
}

static enum gw_err
load_keytab(struct gw_krbconf *k, const char *account,
	    const struct gw_file *file, struct gw_error *err)
{
	gw_auto(free) char *path = NULL;
	krb5_error_code ret;
	enum gw_err rc;
	int fd = -1;

	rc = memory_file(file->data, file->len, &fd, &path, err);
	if (rc != GW_ERR_OK)
		return rc;
	ret = read_keytab(k, account, path);
	wipe_file(fd, file->len);
	if (ret != 0)
		return gw_krb_fail(k->ctx, err, GW_ERR_FILE, "keytab", ret);
	if (k->principal == NULL)
		return gw_fail(err, GW_ERR_FILE,
			       "keytab: no key of %s@%s", account, k->realm);
	return GW_ERR_OK;
}

static enum gw_err
name_principal(struct gw_krbconf *k, struct gw_error *err)
{
	char *text = NULL;
	krb5_error_code ret = krb5_unparse_name(k->ctx, k->principal, &text);
	bool fits = ret == 0 && gw_copy(k->principal_text,
					sizeof(k->principal_text), text);

	if (ret == 0)
		krb5_free_unparsed_name(k->ctx, text);
	return fits ? GW_ERR_OK
		    : gw_fail(err, GW_ERR_CONF, "service_account: too long");
}

enum gw_err
gw_krbconf_setup(const struct gw_conf_directory *conf,
		 const struct gw_file *keytab, struct gw_krbconf **out,
		 struct gw_error *err)
{
	struct gw_krbconf *k;
	enum gw_err rc;

	if (keytab == NULL)
		return gw_fail(err, GW_ERR_FILE, "no keytab was given");
	/* fail closed: the text below is no place for foreign syntax. */
	if (conf->realm[strcspn(conf->realm, " \t\r\n={}[]#;\"@/\\")] != '\0')
		return gw_fail(err, GW_ERR_CONF, "directory.realm: %s",
			       conf->realm);
	k = gw_xcalloc(1, sizeof(*k));
	k->realm = gw_xstrdup(conf->realm);
	rc = write_profile(k, err);
	if (rc == GW_ERR_OK)
		rc = gw_krbconf_context(k, &k->ctx, err);
	if (rc == GW_ERR_OK)
		rc = load_keytab(k, conf->service_account, keytab, err);
	if (rc == GW_ERR_OK)
		rc = name_principal(k, err);
	if (rc != GW_ERR_OK) {
		gw_krbconf_free(k);
		return rc;
	}
	*out = k;
	return GW_ERR_OK;
}

void
gw_krbconf_free(struct gw_krbconf *k)
{
	if (k == NULL)
		return;
	if (k->principal != NULL)
		krb5_free_principal(k->ctx, k->principal);
	if (k->keytab != NULL)
		krb5_kt_close(k->ctx, k->keytab);
	if (k->ctx != NULL)
		krb5_free_context(k->ctx);
	free(k->path);
	free(k->realm);
	free(k);
}

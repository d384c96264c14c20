/* krbconf.h — the private world libkrb5 and libgssapi live in: configuration
 * and keytab, both from memory. Linked into gwd-kdc only. Called before there
 * is a second thread. Never reads /etc/krb5.conf, the default keytab or the
 * default credential cache. */
#ifndef KDC_KRBCONF_H
#define KDC_KRBCONF_H

#include <krb5/krb5.h>
#include <profile.h>

#include "gw/conf.h"
#include "gw/proto.h"

/* The environment, before any library looks at it. False when the process
 * runs with raised privileges (AT_SECURE): the libraries would then ignore
 * KRB5_CONFIG and read /etc/krb5.conf. */
GW_MUST_CHECK bool gw_krbconf_environment(void);

struct gw_krbconf {
	char *realm;
	char *path;                /* the configuration, /proc/self/fd/N */
	krb5_context ctx;          /* keeps the keytab alive; setup only */
	krb5_keytab keytab;        /* MEMORY: */
	krb5_principal principal;  /* of the service account */
	char principal_text[GW_UPN_MAX];
	unsigned kvno;             /* the newest */
};

/* GW_ERR_FILE: the keytab is unusable or holds no key of the account.
 * GW_ERR_SYSTEM. `keytab` may be wiped afterwards. */
GW_MUST_CHECK enum gw_err
gw_krbconf_setup(const struct gw_conf_directory *conf,
		 const struct gw_file *keytab, struct gw_krbconf **out,
		 struct gw_error *err);
void gw_krbconf_free(struct gw_krbconf *k);

/* A context of one's own, one per thread; the caller's. GW_ERR_SYSTEM. */
GW_MUST_CHECK enum gw_err gw_krbconf_context(const struct gw_krbconf *k,
					     krb5_context *out,
					     struct gw_error *err);
/* The keytab's name, for krb5_kt_resolve() in another context. */
extern const char gw_krbconf_keytab[];

/* `code` with libkrb5's text, as the detail of `meaning`. */
enum gw_err gw_krb_fail(krb5_context ctx, struct gw_error *err,
			enum gw_err meaning, const char *what,
			krb5_error_code code);

#endif

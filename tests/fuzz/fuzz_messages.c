/* Every decoder of gw/proto.h and the configuration's, behind one selecting
 * byte: no input may crash one, and a verdict comes out of none but the one
 * encoding of it. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "gw/admin.h"
#include "gw/conf.h"
#include "gw/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
admit(struct gw_rd *r)
{
	struct gw_admit a;

	if (gw_admit_decode(r, &a))
		gw_assert(a.chain_count > 0 && a.gone.count <= GW_GONE_MAX);
}

static void
gone(struct gw_rd *r)
{
	struct gw_gone l;

	if (gw_gone_decode(r, &l))
		gw_assert(l.count > 0 && l.count <= GW_GONE_MAX &&
			  l.ids[l.count * GW_SESSION_ID - 1] <= 255);
}

static void
verdict(struct gw_rd *r)
{
	struct gw_verdict_msg v;

	if (gw_verdict_decode(r, &v)) {
		gw_assert((v.verdict == GW_VERDICT_ALLOW) ==
			  (v.reason == GW_ERR_OK));
		gw_verdict_clear(&v);
	} else {
		gw_assert(v.verdict == GW_VERDICT_DENY);
	}
}

static void
logon(struct gw_rd *r)
{
	struct gw_logon l;

	if (gw_logon_decode(r, &l)) {
		gw_assert(l.leaf.len <= GW_CERT_MAX);
		gw_claims_clear(&l.claims);
	}
}

static void
facts(struct gw_rd *r)
{
	struct gw_facts f;

	if (gw_facts_decode(r, &f)) {
		gw_assert(gw_sid_is_valid(f.sid));
		gw_facts_clear(&f);
	}
}

static void
refused(struct gw_rd *r)
{
	struct gw_refused x;

	if (gw_refused_decode(r, &x))
		gw_assert(x.code != GW_ERR_OK);
}

static void
file(struct gw_rd *r)
{
	struct gw_file f;

	if (gw_file_decode(r, &f))
		gw_file_clear(&f);
}

static void
conf(struct gw_rd *r)
{
	struct gw_conf c = { 0 };

	(void)!gw_conf_decode(r, &c);
	gw_conf_clear(&c);
}

static struct gw_conf_ca *
plain_ca(struct gw_conf *c)
{
	struct gw_conf_ca *ca = gw_conf_instance(c, gw_conf_section("ca"));

	gw_conf_defaults(ca, gw_conf_section("ca"));
	return ca;
}

/* What is accepted can be kept, and is the same when it is read again: the
 * registry relies on it. */
static void
settings(const struct gw_settings *s)
{
	static struct gw_settings kept, again;
	struct gw_conf a = { 0 }, b = { 0 };
	struct gw_conf_ca *ca = plain_ca(&a);
	const char *key;

	if (gw_settings_apply(s, ca, NULL) == GW_ERR_OK &&
	    gw_conf_ca_check(ca, "/crl", &key, NULL) == GW_ERR_OK) {
		gw_assert(gw_settings_of(ca, &kept));
		ca = plain_ca(&b);
		gw_assert(gw_settings_apply(&kept, ca, NULL) == GW_ERR_OK);
		gw_assert(gw_settings_of(ca, &again));
		gw_assert(kept.len == again.len &&
			  memcmp(kept.text, again.text, kept.len) == 0);
	}
	gw_conf_clear(&a);
	gw_conf_clear(&b);
}

static void
admin(struct gw_rd *r)
{
	static struct gw_admin m;

	if (!gw_admin_decode(r, &m))
		return;
	gw_assert(gw_admin_is_valid(&m) && m.pem_len <= GW_ADMIN_PEM_MAX);
	settings(&m.settings);
}

static void
admin_done(struct gw_rd *r)
{
	struct gw_admin_done d;

	if (gw_admin_done_decode(r, &d))
		gw_assert(gw_admin_err_status(d.error) >= 200);
}

static void
ca_names(struct gw_rd *r)
{
	const uint8_t *p;
	size_t len;

	if (gw_ca_names_decode(r, &p, &len))
		gw_assert(len == 0 || p[0] == 0x30);
}

static void
crl_ask(struct gw_rd *r)
{
	struct gw_crl_ask m;

	if (gw_crl_ask_decode(r, &m))
		gw_assert(m.url[0] != '\0');
}

static void
crl(struct gw_rd *r)
{
	uint32_t size;

	if (gw_crl_decode(r, &size))
		gw_assert(size > 0 && size <= GW_CRL_FILE_MAX);
}

static void
ntauth(struct gw_rd *r)
{
	struct gw_ntauth_msg m;

	if (gw_ntauth_decode(r, &m))
		gw_assert(m.count <= GW_NTAUTH_MAX);
	else
		gw_assert(m.count == 0);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const decoders[])(struct gw_rd *) = {
		admit, verdict, logon, facts, refused, file, conf,
		admin, admin_done, ca_names, crl_ask, crl, ntauth,
		gone,
	};
	struct gw_rd r;

	if (len == 0 || len > GW_PAYLOAD_MAX)
		return 0;
	r = gw_rd_init(data + 1, len - 1);
	decoders[data[0] % GW_COUNT(decoders)](&r);
	return 0;
}

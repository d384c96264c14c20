/* Every decoder of gw/proto.h and the configuration's, behind one selecting
 * byte: no input may crash one, and a verdict comes out of none but the one
 * encoding of it. */
#include <stddef.h>
#include <stdint.h>

#include "gw/conf.h"
#include "gw/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void
admit(struct gw_rd *r)
{
	struct gw_admit a;

	if (gw_admit_decode(r, &a))
		gw_assert(a.chain_count > 0);
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

	if (gw_logon_decode(r, &l))
		gw_claims_clear(&l.claims);
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

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static void (*const decoders[])(struct gw_rd *) = {
		admit, verdict, logon, facts, refused, file, conf,
	};
	struct gw_rd r;

	if (len == 0 || len > GW_PAYLOAD_MAX)
		return 0;
	r = gw_rd_init(data + 1, len - 1);
	decoders[data[0] % GW_COUNT(decoders)](&r);
	return 0;
}

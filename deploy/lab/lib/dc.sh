# dc.sh — two Samba domain controllers of one domain. Sourced by
# deploy/lab/lab.

sam() { echo "$state/$1/private/sam.ldb"; }

# All of Samba's paths below the lab's directory; the host's smb.conf plays no
# part. No file server, no name broadcasts, no dynamic DNS updater: what they
# would register is registered below, at once. KDC and LDAP log who asked for
# what. Replication and topology look around every few seconds instead of
# minutes: `up` waits for that, at the price of some 4 % of a processor.
write_smb_conf() { # DC
	local dir=$state/$1
	mkdir -p "$dir"/{etc,private,state,cache,lock,run}
	cat >"$dir/etc/smb.conf" <<-END
	[global]
	server role = active directory domain controller
	workgroup = CORP
	realm = $realm
	netbios name = ${1^^}
	interfaces = $(dc_addr "$1")/8
	bind interfaces only = yes
	disable netbios = yes
	server services = ldap, cldap, kdc, dns, rpc, drepl, kcc
	rpc server dynamic port range = 49152-49199

	private dir = $dir/private
	state directory = $dir/state
	cache directory = $dir/cache
	lock directory = $dir/lock
	pid directory = $dir/run
	binddns dir = $dir/bind-dns
	ncalrpc dir = $dir/run/ncalrpc
	winbindd socket directory = $dir/run/winbindd
	ntp signd socket directory = $dir/run/ntp_signd

	log file = $state/log/$1.samba
	max log size = 0
	log level = 1 kerberos:3 auth_audit:4

	tls certfile = $state/pki/$1.pem
	tls keyfile = $state/pki/$1.key
	tls cafile = $state/pki/root.pem

	prefork children = 1
	prefork children:kdc = 2
	prefork children:ldap = 2
	kccsrv:samba_kcc = no
	kccsrv:periodic_startup_interval = 1
	kccsrv:periodic_interval = 2
	dreplsrv:periodic_startup_interval = 1
	dreplsrv:periodic_interval = 5
	dreplsrv:notify_interval = 1

	[sysvol]
	path = $dir/state/sysvol
	read only = no
	[netlogon]
	path = $dir/state/sysvol/$domain/scripts
	read only = no
	END
}

# samba-tool as Administrator; the password comes from a file and stands in no
# process list.
tool() { # DC ARGUMENTS...
	local dc=$1
	shift
	PASSWD_FILE=$state/administrator.password \
		in_lab samba-tool "$@" -U Administrator \
		-s "$state/$dc/etc/smb.conf"
}

provision_dc1() {
	write_smb_conf dc1
	in_lab samba-tool domain provision -s "$state/dc1/etc/smb.conf" \
		--realm=$realm --domain=CORP --server-role=dc \
		--dns-backend=SAMBA_INTERNAL \
		--host-name=dc1 --host-ip="$(dc_addr dc1)"
}

start_dc() { # DC
	is_running "$1" || start_piece "$1" \
		samba -i --debug-stdout -s "$state/$1/etc/smb.conf"
}

# A DC serves when LDAP tells its name and the KDC listens.
serves() { # DC
	in_lab ldapsearch -xLLL -o nettimeout=2 -H "ldap://$(dc_addr "$1")" \
		-s base -b '' dnsHostName | grep -qi "^dnsHostName: $1\.$domain" &&
		accepts "$(dc_addr "$1")" 88 && accepts "$(dc_addr "$1")" 135
}

await_dc() { await_piece "$1" 180 serves "$1"; }

join_dc2() {
	write_smb_conf dc2
	tool dc2 domain join $domain DC --server=dc1.$domain \
		--dns-backend=SAMBA_INTERNAL
}

guid_of() { # DN
	ldbsearch -H "$(sam dc2)" -b "$1" -s base objectGUID |
		sed -n 's/^objectGUID: //p'
}

# Samba's own list of what a DC registers, as commands for nsupdate. What only
# the PDC emulator registers is dc1's.
dns_updates() { # DC
	local ntds="CN=NTDS Settings,CN=${1^^},CN=Servers,CN=Default-First-Site-Name,CN=Sites,CN=Configuration,$base_dn"
	sed -e '/^#/d; /^$/d; /IF_PDC/d; /AAAA/d; /RPC/d' \
		-e 's/\${IF_[A-Z_]*}//' \
		-e "s/\${HOSTNAME}/$1.$domain/g; s/\${NTDSGUID}/$(guid_of "$ntds")/g" \
		-e "s/\${DNSDOMAIN}/$domain/g; s/\${DNSFOREST}/$domain/g" \
		-e "s/\${DOMAINGUID}/$(guid_of "$base_dn")/g" \
		-e "s/\${SITE}/Default-First-Site-Name/g; s/\$IP/$(dc_addr "$1")/g" \
		"$state/$1/private/dns_update_list" |
		awk -v domain="$domain" '
			$1 == "SRV" { data = "0 100 " $4 " " $3 "." }
			$1 == "CNAME" || $1 == "NS" { data = $3 "." }
			$1 == "A" { data = $3 }
			{
				zone = $2 ~ "_msdcs\\." domain "$" ? "_msdcs." domain : domain
				line[zone] = line[zone] "update add " $2 ". 900 " $1 " " data "\n"
			}
			END {
				for (zone in line)
					printf "zone %s\n%ssend\n", zone, line[zone]
			}'
}

# The SPNs Samba's own updater would add within minutes: ldap/NAME, which the
# delegation names, and the one replication partners ask for.
register_spns() { # DC
	in_lab samba_spnupdate -s "$state/$1/etc/smb.conf"
}

# dc2's records, without which nobody finds it and dc1 does not replicate from
# it, and the gateway's name. nsupdate cannot verify the signature of Samba's
# answer ("tsig verify failure") though the update is done: so it is the
# records that are checked, not its exit status.
register_dns() {
	local cache=$state/run/administrator.ccache
	(
		export KRB5_CONFIG=$state/etc/krb5-dc1.conf
		export KRB5CCNAME=FILE:$cache
		in_lab kinit Administrator <"$state/administrator.password"
		{
			dns_updates dc2
			echo "update add gateway.$domain. 900 A $(gateway_addr)"
			echo send
		} | in_lab nsupdate -g || true
	)
	rm -f "$cache"
	knows_both_dcs dc1
}

knows_both_dcs() { # DC
	local answer name
	answer=$(dig +short +time=1 +tries=2 "@$(dc_addr "$1")" \
		SRV _ldap._tcp.dc._msdcs.$domain)
	for name in dc1 dc2; do
		grep -q " $name\.$domain\." <<<"$answer" || return 1
	done
}

# Replication runs when a change made on either DC is seen on the other: on dc1
# a mark left after dc2 had joined, on dc2 the SPN it registered; and DNS.
mark_dc1() {
	ldbmodify -H "$(sam dc1)" <<-END
	dn: $(dn_of $service_account)
	changetype: modify
	replace: description
	description: the gateway
	END
}

replicates() {
	holds dc2 "(&(sAMAccountName=$service_account)(description=the gateway))" &&
		holds dc1 "(servicePrincipalName=ldap/dc2.$domain)" &&
		knows_both_dcs dc2
}

holds() { # DC FILTER
	ldbsearch -H "$(sam "$1")" "$2" dn | grep -q '^dn: '
}

# The gateway's whole chain by hand, through one DC: TGT from the keytab,
# S4U2Self for alice, S4U2Proxy to that DC's LDAP, and a bind there with the
# ticket; the answer must say that it was alice who came.
delegates() { # DC
	local caches=$state/run/delegates-$1 sids
	export KRB5_CONFIG=$state/etc/krb5-$1.conf
	export KRB5CCNAME=FILE:$caches.service
	in_lab kinit -f -k -t "$state/$service_account.keytab" $service_account
	in_lab kvno --out-cache "FILE:$caches.alice" -U alice -P "ldap/$1.$domain"
	export KRB5CCNAME=FILE:$caches.alice
	sids=$(in_lab ldapsearch -LLL -Q -Y GSSAPI -o sasl_nocanon=1 \
		-H "ldap://$1.$domain" -s base -b '' tokenGroups)
	grep -q "^tokenGroups:: $(binary_sid "$(sid_of alice)")\$" <<<"$sids"
	rm -f "$caches".*
}

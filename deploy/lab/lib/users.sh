# users.sh — accounts, groups and policies of the domain, written into dc1's
# database before dc1 runs; dc2 gets them by replication. Sourced by
# deploy/lab/lab.

service_account=gwdsvc
service_spn=my/spn
users=(alice bob carol dave erin frank grace heidi judy oscar)

# userAccountControl, MS-ADTS 2.2.16
uac_normal=$((0x200))
uac_disabled=$((0x2))
uac_password_never_expires=$((0x10000))
uac_not_delegated=$((0x100000))
uac_any_protocol=$((0x1000000))         # TRUSTED_TO_AUTH_FOR_DELEGATION

# Points in time, in the 100 ns since 1601 that Active Directory counts in
filetime() { # DATE
	echo "$((($(date -u -d "$1" +%s) + 11644473600) * 10000000))"
}

# What is special about each user, as the lines of LDIF that say so.
fate_of() { # USER
	local uac=$uac_normal
	case $1 in
	alice | frank | grace | oscar) ;;                       # groups, see below
	bob) uac=$((uac | uac_disabled)) ;;
	carol) echo "accountExpires: $(filetime '-30 days')" ;;
	dave) echo "lockoutTime: $(filetime '-5 minutes')" ;;
	erin) uac=$((uac | uac_not_delegated)) ;;
	heidi) echo "logonHours:: $(head -c 21 /dev/zero | base64)" ;;
	judy) echo "pwdLastSet: 0" ;;                   # must change it
	esac
	echo "userAccountControl: $uac"
}

# Group, a colon, members.
groups='
Smartcard Users: alice bob carol dave erin frank heidi judy oscar
Engineers: alice
VDI Users: Engineers
Protected Users: frank
'

dn_of() { echo "CN=$*,CN=Users,$base_dn"; }

ldif_password() { # PASSWORD, as Active Directory takes it: quoted, UTF-16
	echo "unicodePwd:: $(printf '"%s"' "$1" | iconv -t utf-16le | base64 -w0)"
}

# Locked means locked: no duration after which dave would get in, and a
# threshold, so that bad passwords lock for real.
ldif_policy() {
	cat <<-END
	dn: $base_dn
	changetype: modify
	replace: lockoutThreshold
	lockoutThreshold: 10
	-
	replace: lockoutDuration
	lockoutDuration: -9223372036854775808

	END
}

# Oscar's is a number, and its suffix no domain's, as the US DoD has it.
upn_of() { # USER
	case $1 in
	oscar) echo 1234567890@mil ;;
	*) echo "$1@$domain" ;;
	esac
}

ldif_user() { # USER
	cat <<-END
	dn: $(dn_of "$1")
	changetype: add
	objectClass: user
	sAMAccountName: $1
	userPrincipalName: $(upn_of "$1")
	displayName: ${1^} of the lab
	mail: $1@$domain
	$(ldif_password "$(random_password)")
	$(fate_of "$1")

	END
}

ldif_group() { # NAME: MEMBER...
	local name=${1%%:*} members=${1#*:} member
	echo "dn: $(dn_of "$name")"
	if [ "$name" = "Protected Users" ]; then        # exists from the start
		echo 'changetype: modify'
		echo 'add: member'
	else
		echo 'changetype: add'
		echo 'objectClass: group'
		echo "sAMAccountName: $name"
	fi
	for member in $members; do echo "member: $(dn_of "$member")"; done
	echo
}

# What AWS AD Connector asks of its service account: some SPN, delegation to
# LDAP of each DC, any authentication protocol. The key types come first and
# the password after them, so that AES keys exist and the KDC uses them.
ldif_service_account() {
	cat <<-END
	dn: $(dn_of $service_account)
	changetype: add
	objectClass: user
	sAMAccountName: $service_account
	userPrincipalName: $service_account@$domain
	servicePrincipalName: $service_spn
	msDS-SupportedEncryptionTypes: 24
	msDS-AllowedToDelegateTo: ldap/dc1.$domain
	msDS-AllowedToDelegateTo: ldap/dc2.$domain
	$(ldif_password "$(random_password)")
	userAccountControl: $((uac_normal | uac_any_protocol | uac_password_never_expires))

	dn: $(dn_of $service_account)
	changetype: modify
	replace: unicodePwd
	$(ldif_password "$(random_password)")

	END
}

# Administrator's password goes into a file that Samba's tools and nsupdate's
# kinit read, so that it stands in no process list.
ldif_administrator() {
	local password
	password=$(random_password)
	echo "$password" >"$state/administrator.password"
	cat <<-END
	dn: CN=Administrator,CN=Users,$base_dn
	changetype: modify
	replace: userPrincipalName
	userPrincipalName: administrator@$domain
	-
	replace: unicodePwd
	$(ldif_password "$password")

	END
}

# What AD CS publishes for its CAs below "Public Key Services": the revocation
# list of the issuing CA where a CDP URL of Windows names it, and the CAs that
# may issue cards for logon. The schema demands both lists of an NTAuth object;
# one zero byte is how Windows says that there is none.
pks_dn="CN=Public Key Services,CN=Services,CN=Configuration,$base_dn"
cdp_dn="CN=Corp Lab Issuing CA,CN=ca1,CN=CDP,$pks_dn"
ntauth_dn="CN=NTAuthCertificates,$pks_dn"

make_ca_objects() {
	ldbmodify -H "$(sam dc1)" <<-END
	dn: CN=ca1,CN=CDP,$pks_dn
	changetype: add
	objectClass: container

	dn: $cdp_dn
	changetype: add
	objectClass: cRLDistributionPoint
	certificateRevocationList:: $(base64 -w0 "$state/pki/public/issuing.crl")

	dn: $ntauth_dn
	changetype: add
	objectClass: certificationAuthority
	cACertificate:: $(base64 -w0 "$state/pki/public/issuing.crt")
	authorityRevocationList:: AA==
	certificateRevocationList:: AA==

	END
}

# The list as it is now; dc2 gets it by replication.
publish_in_directory() {
	ldbmodify -H "$(sam dc1)" <<-END
	dn: $cdp_dn
	changetype: modify
	replace: certificateRevocationList
	certificateRevocationList:: $(base64 -w0 "$state/pki/public/issuing.crl")
	END
}

# Whether the CA that issues the cards is allowed to. It takes up to a minute
# until the gateway has noticed.
lab_ntauth() { # on|off
	local certificate=root
	case ${1:-} in
	on) certificate=issuing ;;
	off) ;;
	*) die "ntauth on or off?" ;;
	esac
	logged accounts ldbmodify -H "$(sam dc1)" <(cat <<-END
	dn: $ntauth_dn
	changetype: modify
	replace: cACertificate
	cACertificate:: $(base64 -w0 "$state/pki/public/$certificate.crt")
	END
	)
}

# What follows is changed on each DC, so that no replication is to be waited
# for, and on none that has it already: a value written again is a newer one on
# that DC alone, and may win over what is written next.

set_account_control() { # USER VALUE
	local dc
	for dc in dc1 dc2; do
		logged accounts ldbmodify -H "$(sam $dc)" <(cat <<-END
		dn: $(dn_of "$1")
		changetype: modify
		replace: userAccountControl
		userAccountControl: $2
		END
		)
	done
}

lab_disable() { # USER
	set_account_control "$1" $((uac_normal | uac_disabled))
}

lab_enable() { # USER
	set_account_control "$1" $uac_normal
}

is_card_user() { # DC USER
	ldbsearch -H "$(sam "$1")" \
		"(&(cn=Smartcard Users)(member=$(dn_of "$2")))" dn |
		grep '^dn:'
}

# The DC refuses what replication was faster with.
change_card_users() { # DC add|delete USER
	if ldbmodify -H "$(sam "$1")" <<-END; then return; fi
	dn: $(dn_of 'Smartcard Users')
	changetype: modify
	$2: member
	member: $(dn_of "$3")
	END
	case $2 in
	add) is_card_user "$1" "$3" ;;
	delete) ! is_card_user "$1" "$3" ;;
	esac
}

lab_join() { # USER who does not belong there from the start
	logged accounts change_card_users dc1 add "$1"
	logged accounts change_card_users dc2 add "$1"
}

lab_leave() { # USER
	logged accounts change_card_users dc1 delete "$1"
	logged accounts change_card_users dc2 delete "$1"
}

# Which of oscar's cards are his, in the forms that altSecurityIdentities has
# for it (KB5014754); the serial number's bytes in reverse.
map_cards() {
	local form='X509:<I>O=Corp Example,CN=Corp Lab Issuing CA<SR>'
	ldbmodify -H "$(sam dc1)" <<-END
	dn: $(dn_of oscar)
	changetype: modify
	add: altSecurityIdentities
	altSecurityIdentities: $form$(serial_of oscar-serial | fold -w2 | tac | tr -d '\n')
	altSecurityIdentities: X509:<SKI>$(key_id_of oscar-ski)
	altSecurityIdentities: X509:<SHA1-PUKEY>$(sha1_of oscar-sha1)
	altSecurityIdentities: X509:<RFC822>oscar-weak@$domain
	END
}

make_accounts() {
	local user row
	umask 077
	{
		ldif_policy
		for user in "${users[@]}"; do ldif_user "$user"; done
		while read -r row; do
			[ -z "$row" ] || ldif_group "$row"
		done <<<"$groups"
		ldif_service_account
		ldif_administrator
	} >"$state/accounts.ldif"
	ldbmodify -H "$(sam dc1)" "$state/accounts.ldif"
	rm -f "$state/accounts.ldif"            # it holds the passwords
	ldbsearch -H "$(sam dc1)" '(objectClass=user)' sAMAccountName objectSid |
		awk '/^dn:/ { name = sid = "" }
			/^sAMAccountName: / { name = $2 }
			/^objectSid: / { sid = $2 }
			name != "" && sid != "" { print name, sid; name = "" }' \
		>"$state/sids"
	umask 022
	export_keytab
}

# Samba exports the RC4 key as well, which nothing may use: it is left out.
export_keytab() {
	local all=$state/run/all.keytab keytab=$state/$service_account.keytab
	local slot
	rm -f "$all" "$keytab"
	samba-tool domain exportkeytab "$all" \
		--principal="$service_account@$realm" \
		-s "$state/dc1/etc/smb.conf"
	slot=$(printf 'rkt %s\nlist -e\n' "$all" | ktutil |
		awk '/arcfour/ { print $1 }')
	(umask 077 && printf 'rkt %s\n%s\nwkt %s\n' "$all" \
		"${slot:+delent $slot}" "$keytab" | ktutil >/dev/null)
	rm -f "$all"
	[ -s "$keytab" ]
}

# From the list taken when the accounts were made. "unused" is a SID of this
# domain that no account has.
sid_of() { # ACCOUNT
	if [ "$1" = unused ]; then
		sid_of Administrator | sed 's/-500$/-99999/'
		return 0
	fi
	awk -v name="$1" '$1 == name { print $2; found = 1 } END { exit !found }' \
		"$state/sids"
}

# A SID of a domain's account as LDAP sends it: revision, count, authority
# (big-endian), sub-authorities (little-endian); in base64.
binary_sid() { # SID
	local IFS=- hex part
	# shellcheck disable=SC2086
	set -- $1
	shift 3                                 # S, 1, 5
	hex=01$(printf %02x $#)000000000005
	for part; do
		part=$(printf %08x "$part")
		hex+=${part:6:2}${part:4:2}${part:2:2}${part:0:2}
	done
	# shellcheck disable=SC2001
	printf '%b' "$(sed 's/../\\x&/g' <<<"$hex")" | base64 -w0
}

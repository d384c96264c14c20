# pki.sh — an offline root, the CA that issues the cards, the gateway's, the
# DCs' and the OCSP responder's certificates, a CRL; and a second PKI of the
# same names that nobody trusts. Sourced by deploy/lab/lab.

# The cards. Columns: file name, key type, UPN, whose SID stands in the SID
# extension (- for none), extended key usage, validity, AIA with an OCSP URL,
# issuing PKI, state in the CA's database.
cards='
alice            ec   alice@corp.example.com           alice         card    now     aia   pki    valid
bob              ec   bob@corp.example.com             bob           card    now     aia   pki    valid
carol            rsa  carol@corp.example.com           carol         card    now     aia   pki    valid
dave             rsa  dave@corp.example.com            dave          card    now     aia   pki    valid
erin             ec   erin@corp.example.com            erin          card    now     aia   pki    valid
frank            ec   frank@corp.example.com           frank         card    now     aia   pki    valid
grace            ec   grace@corp.example.com           grace         card    now     aia   pki    valid
heidi            ec   heidi@corp.example.com           heidi         card    now     aia   pki    valid
judy             rsa  judy@corp.example.com            judy          card    now     aia   pki    valid
administrator    rsa  administrator@corp.example.com   Administrator card    now     aia   pki    valid
alice-rsa        rsa  alice@corp.example.com           alice         card    now     aia   pki    valid
alice-revoked    ec   alice@corp.example.com           alice         card    now     aia   pki    revoked
alice-expired    ec   alice@corp.example.com           alice         card    past    aia   pki    valid
alice-notyet     ec   alice@corp.example.com           alice         card    future  aia   pki    valid
alice-eku        ec   alice@corp.example.com           alice         web     now     aia   pki    valid
alice-sidonly    ec   -                                alice         card    now     aia   pki    valid
alice-noupn      ec   -                                -             card    now     aia   pki    valid
alice-unknownca  ec   alice@corp.example.com           alice         card    now     aia   other  valid
alice-othersid   ec   alice@corp.example.com           grace         card    now     aia   pki    valid
alice-nosid      ec   alice@corp.example.com           -             card    fresh   aia   pki    valid
alice-before     ec   alice@corp.example.com           -             card    now     aia   pki    valid
alice-noaia      ec   alice@corp.example.com           alice         card    now     noaia pki    valid
nobody           ec   nobody@corp.example.com          -             card    now     aia   pki    valid
nobody-sid       ec   nobody@corp.example.com          unused        card    now     aia   pki    valid
machine          ec   dc1$@corp.example.com            DC1$          card    now     aia   pki    valid
foreign          ec   alice@other.example.net          -             card    now     aia   pki    valid
oscar            ec   1234567890@mil                   oscar         card    now     aia   pki    valid
oscar-serial     ec   -                                -             card    now     aia   pki    valid
oscar-ski        ec   -                                -             card    now     aia   pki    valid
oscar-sha1       ec   -                                -             card    now     aia   pki    valid
oscar-weak       ec   mail                             -             card    fresh   aia   pki    valid
'

each_card() { # COMMAND...: called with the columns of each card
	local row
	while read -r row; do
		# shellcheck disable=SC2086
		[ -z "$row" ] || "$@" $row
	done <<<"$cards"
}

new_key() { # TYPE FILE
	case $1 in
	rsa) openssl genrsa -out "$2" 2048 ;;
	ec) openssl ecparam -name prime256v1 -genkey -noout -out "$2" ;;
	esac
}

write_ca_conf() { # PKI
	cat >"$state/$1/ca.conf" <<-END
	[req]
	distinguished_name = name
	prompt = no
	[name]
	[any]
	domainComponent = optional
	organizationName = optional
	commonName = supplied
	[root]
	rand_serial = yes
	default_md = sha256
	database = $state/$1/root/index.txt
	new_certs_dir = $state/$1/root
	certificate = $state/$1/root.pem
	private_key = $state/$1/root.key
	[issuing]
	rand_serial = yes
	default_md = sha256
	database = $state/$1/issuing/index.txt
	new_certs_dir = $state/$1/issuing
	certificate = $state/$1/issuing.pem
	private_key = $state/$1/issuing.key
	crlnumber = $state/$1/issuing/crlnumber
	default_crl_days = 7
	crl_extensions = crl
	[root_ca]
	basicConstraints = critical, CA:TRUE
	keyUsage = critical, keyCertSign, cRLSign
	subjectKeyIdentifier = hash
	[issuing_ca]
	basicConstraints = critical, CA:TRUE, pathlen:0
	keyUsage = critical, digitalSignature, keyCertSign, cRLSign
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	authorityInfoAccess = caIssuers;URI:$(echo_url)/pki/root.crt
	[server]
	basicConstraints = critical, CA:FALSE
	keyUsage = critical, digitalSignature, keyEncipherment
	extendedKeyUsage = serverAuth
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	subjectAltName = \$ENV::SAN
	authorityInfoAccess = OCSP;URI:$(ocsp_url), caIssuers;URI:$(echo_url)/pki/issuing.crt
	[ocsp]
	basicConstraints = critical, CA:FALSE
	keyUsage = critical, digitalSignature
	extendedKeyUsage = critical, OCSPSigning
	noCheck = ignored
	subjectKeyIdentifier = hash
	authorityKeyIdentifier = keyid
	[crl]
	authorityKeyIdentifier = keyid
	END
}

# The names of both PKIs are the same on purpose: a gateway that looks an
# issuer up by name alone takes the one for the other.
make_ca() { # PKI
	local dir=$state/$1 ca
	mkdir -p "$dir/root" "$dir/issuing" "$dir/public"
	for ca in root issuing; do
		: >"$dir/$ca/index.txt"
		echo 'unique_subject = no' >"$dir/$ca/index.txt.attr"
		echo 1000 >"$dir/$ca/crlnumber"
	done
	write_ca_conf "$1"
	export SAN=DNS:unused           # OpenSSL reads the whole file
	new_key ec "$dir/root.key"
	openssl req -new -x509 -sha256 -days 3650 -key "$dir/root.key" \
		-subj "/O=Corp Example/CN=Corp Lab Root CA" \
		-config "$dir/ca.conf" -extensions root_ca -out "$dir/root.pem"
	new_key rsa "$dir/issuing.key"
	sign "$1" root "$dir/issuing" "/O=Corp Example/CN=Corp Lab Issuing CA" \
		"$(date_in '-1 day')" "$(date_in '+5 years')" \
		-extensions issuing_ca
	openssl x509 -in "$dir/root.pem" -outform DER -out "$dir/public/root.crt"
	openssl x509 -in "$dir/issuing.pem" -outform DER \
		-out "$dir/public/issuing.crt"
}

date_in() { date -u -d "$1" +%Y%m%d%H%M%SZ; }

# Signs FILE.key into FILE.pem.
sign() { # PKI CA FILE SUBJECT FROM TO ARGUMENTS...
	local pki=$1 ca=$2 file=$3 subject=$4 from=$5 to=$6
	shift 6
	openssl req -new -config "$state/$pki/ca.conf" -subj "$subject" \
		-key "$file.key" -out "$file.csr"
	openssl ca -batch -notext -preserveDN -policy any -md sha256 \
		-config "$state/$pki/ca.conf" -name "$ca" \
		-in "$file.csr" -out "$file.pem" \
		-startdate "$from" -enddate "$to" "$@"
	rm -f "$file.csr"
}

sign_service() { # NAME SUBJECT-CN EXTENSIONS [SAN]
	local file=$state/pki/$1
	new_key ec "$file.key"
	SAN=${4:-DNS:unused} sign pki issuing "$file" "/O=Corp Example/CN=$2" \
		"$(date_in '-1 hour')" "$(date_in '+1 year')" -extensions "$3"
}

# Whatever needs no account: done while the domain is being provisioned.
make_pki() {
	local dc
	make_ca pki
	make_ca other
	sign_service gateway gateway.$domain server \
		"DNS:gateway.$domain,IP:$(gateway_addr)"
	for dc in dc1 dc2; do
		sign_service $dc $dc.$domain server \
			"DNS:$dc.$domain,IP:$(dc_addr $dc)"
	done
	sign_service ocsp "Corp Lab OCSP Responder" ocsp
	cat "$state/pki/gateway.pem" "$state/pki/issuing.pem" \
		>"$state/pki/gateway-chain.pem"
	mkdir -p "$state/certs"
	each_card make_card_key
	chmod 711 "$state/pki" "$state/certs"
	set_done pki
}

make_card_key() { new_key "$2" "$state/certs/$1.key"; }

# The extensions of a card, as AD CS writes them since KB5014754.
card_extensions() { # UPN SID EKU AIA
	echo 'basicConstraints = critical, CA:FALSE'
	echo 'keyUsage = critical, digitalSignature'
	echo 'subjectKeyIdentifier = hash'
	echo 'authorityKeyIdentifier = keyid'
	case $3 in
	card) echo 'extendedKeyUsage = clientAuth, 1.3.6.1.4.1.311.20.2.2' ;;
	web) echo 'extendedKeyUsage = serverAuth, clientAuth' ;;
	esac
	if [ "$1" = mail ]; then
		echo "subjectAltName = email:oscar-weak@$domain"
	elif [ "$1" != - ]; then
		echo "subjectAltName = otherName:1.3.6.1.4.1.311.20.2.3;UTF8:${1/\$/\\$}"
	fi
	if [ "$4" = aia ]; then
		echo "authorityInfoAccess = OCSP;URI:$(ocsp_url)," \
			"caIssuers;URI:$(echo_url)/pki/issuing.crt"
	fi
	echo "crlDistributionPoints = URI:$(echo_url)/pki/issuing.crl"
	if [ "$2" != - ]; then
		cat <<-END
		1.3.6.1.4.1.311.25.2 = ASN1:SEQUENCE:security_extension
		[security_extension]
		sid = IMPLICIT:0,SEQUENCE:sid
		[sid]
		type = OID:1.3.6.1.4.1.311.25.2.1
		value = EXPLICIT:0,FORMAT:ASCII,OCTETSTRING:$2
		END
	fi
}

make_card() { # the columns of the table
	local name=$1 upn=$3 owner=$4 eku=$5 validity=$6 aia=$7 pki=$8 fate=$9
	local file=$state/certs/$name sid=- from to
	[ "$owner" = - ] || sid=$(sid_of "$owner")
	case $validity in
	now) from='-1 hour' to='+1 year' ;;     # older than the account
	fresh) from='-1 minute' to='+1 year' ;;
	past) from='-2 years' to='-1 day' ;;
	future) from='+1 day' to='+1 year' ;;
	esac
	card_extensions "$upn" "$sid" "$eku" "$aia" >"$file.ext"
	sign "$pki" issuing "$file" "/DC=com/DC=example/DC=corp/CN=Users/CN=${name%%-*}" \
		"$(date_in "$from")" "$(date_in "$to")" -extfile "$file.ext"
	rm -f "$file.ext"
	if [ "$fate" = revoked ]; then revoke_card "$name"; fi
	openssl pkcs12 -export -passout pass:lab -name "$name" \
		-in "$file.pem" -inkey "$file.key" -certfile "$state/$pki/issuing.pem" \
		-out "$file.p12"
}

make_cards() {
	export SAN=DNS:unused
	each_card make_card
	map_cards
	publish_crl
	set_done cards
}

revoke_card() { # NAME
	if in_index R "$1"; then return 0; fi
	SAN=DNS:unused openssl ca -batch -config "$state/pki/ca.conf" \
		-name issuing -crl_reason keyCompromise \
		-revoke "$state/certs/$1.pem"
}

# `openssl ca` knows no way back; the database is a text file: state, end date,
# revocation date, serial.
unrevoke_card() { # NAME
	local index=$state/pki/issuing/index.txt
	awk -F'\t' -v OFS='\t' -v serial="$(serial_of "$1")" \
		'$4 == serial { $1 = "V"; $3 = "" } { print }' \
		"$index" >"$index.new"
	mv "$index.new" "$index"
}

key_id_of() { # NAME
	openssl x509 -noout -ext subjectKeyIdentifier \
		-in "$state/certs/$1.pem" | sed -n '2s/[ :]//gp'
}

sha1_of() { # NAME
	openssl x509 -outform DER -in "$state/certs/$1.pem" | sha1sum |
		cut -d' ' -f1
}

serial_of() { # NAME
	openssl x509 -noout -serial -in "$state/certs/$1.pem" | cut -d= -f2
}

in_index() { # STATE NAME
	awk -F'\t' -v state="$1" -v serial="$(serial_of "$2")" \
		'$1 == state && $4 == serial { found = 1 } END { exit !found }' \
		"$state/pki/issuing/index.txt"
}

publish_crl() {
	local public=$state/pki/public
	SAN=DNS:unused openssl ca -gencrl -config "$state/pki/ca.conf" \
		-name issuing -out "$state/pki/issuing.crl.pem" -md sha256
	openssl crl -in "$state/pki/issuing.crl.pem" -outform DER \
		-out "$public/issuing.crl.new"
	mv "$public/issuing.crl.new" "$public/issuing.crl"
}

# SPDX-License-Identifier: GPL-2.0-or-later
# What lies behind NDES: before it answers a PKIOperation, its policy module asks the CRP (VerifyRequest), NDES has the CA
# issue (DCE/RPC), and the policy module tells the CRP (Notify). What each shows is in samples/behind.md. Sourced by record.
#
# Most are captured at NDES alone, and the device calls NDES in plain HTTP: what is outside is in the other samples.

configmgr=/CMCertificateRegistration/Certificate
old_connector=/CertificateRegistrationSvc/Certificate
intune=/ScepRequestValidationFEService

# behind: what these scenarios have in common; to be called before begin.
behind() {
    windows
    behind=yes wap=no inner_scheme=http captured=ndes scep_server=responder
    server_options=(--style ndes --verify-exec "$work/verify" --issue-exec "$work/issue" --notify-exec "$work/notify")
    crp_server=crp_start crp_name=crp.corp.contoso.com crp_base=$configmgr crp_directives=''
    crp_options=(--verify-delay 0.2 --notify-delay 0.1)
    module_options=() module_trusts=ca module_certificate=policy-module
    ca_server=authority_start ca_options=(--delay 0.06) ca_client_options=()
}

# --- the peers ---

behind_start() {
    local host=crp.corp.contoso.com
    certificate crp "/CN=$crp_name" "subjectAltName=DNS:$crp_name" extendedKeyUsage=serverAuth
    certificate policy-module /CN=ndes.corp.contoso.com extendedKeyUsage=clientAuth
    $crp_server
    $ca_server
    if [[ $cloud == intune ]]; then
        host=fef.msua01.manage.microsoft.com
        module_options+=(--intune)
    fi
    [[ -z $cloud ]] || cloud_start
    module_start "https://$host$crp_base"
    hooks
}

# What NDES runs: it has to start fast.
hooks() {
    local call
    for call in verify notify; do
        hook "$call" <<END
exec /usr/bin/python3 -IS '$here/ask.py' '$work/module.socket' $call
END
    done
    hook issue <<END
/usr/bin/python3 -IS '$here/ask.py' '$work/module.socket' issue || exit
[ ! -e '$work/issued.crt' ] || cat '$work/issued.crt'
END
}

hook() {
    { echo '#!/bin/sh'; cat; } >"$work/$1"
    chmod +x "$work/$1"
}

module_start() {
    [[ -z $module_certificate ]] ||
        module_options+=(--certificate "$work/$module_certificate.crt" --key "$work/$module_certificate.key")
    # shellcheck disable=SC2046 # words
    start ndes module env $(clock_of ndes) /usr/bin/python3 "$here/policy_module.py" \
        --serve "$work/module.socket" --url "$1" \
        --ca "--server ca.corp.contoso.com --log $work/logs/ca-client.log ${ca_client_options[*]}" \
        --log "$work/logs/policy-module.log" --trust "$work/$module_trusts.crt" --keylog "$work/module.keylog" \
        "${module_options[@]}"
    until_true 'the policy module' test -S "$work/module.socket"
}

# application_start HOST: what is behind its web server.
application_start() {
    # shellcheck disable=SC2046 # words
    start "$1" "application-$1" env $(clock_of "$1") python3 "$here/crp.py" --log "$work/logs/crp.log" \
        --challenge "$challenge" "${crp_options[@]}"
    until_true "the application of $1" listens "$1" 8083
}

# IIS asks every client for a certificate and judges it afterwards.
crp_start() {
    application_start crp
    nginx_start crp <<END
http {
$(http_common crp)
    server {
        $(http_listen crp https '')
        server_name crp.corp.contoso.com;
        ssl_client_certificate $work/ca.crt;
        ssl_verify_client optional_no_ca;
        # nginx itself refuses what has expired.
        error_page 495 = @application;
        $crp_directives
        location / {
            $(to_application)
        }
        location @application {
            $(to_application)
        }
    }
}
END
    until_true 'the web server of the CRP' listens crp 443
}

to_application() {
    # shellcheck disable=SC2016 # nginx's variables
    echo 'proxy_pass http://127.0.0.1:8083; proxy_set_header X-Client-Verify $ssl_client_verify;
        proxy_set_header X-Client-Port $remote_port;'
    iis_answers
}

# apache2 asks for the client certificate by a second handshake, once it has read the request; as IIS does.
crp_start_renegotiating() {
    local module
    application_start crp
    {
        for module in mpm_event authz_core headers socache_shmcb ssl proxy proxy_http; do
            echo "LoadModule ${module}_module /usr/lib/apache2/modules/mod_$module.so"
        done
        cat <<END
ServerRoot $work
ServerName crp.corp.contoso.com
PidFile $work/crp.pid
DefaultRuntimeDir $work
User www-data
Group www-data
ErrorLog $work/logs/crp-error.log
LogLevel error
StartServers 1
LogFormat "{\"time\":\"%{end:sec}t.%{end:msec_frac}t\",\"client\":\"%a\",\"client_port\":\"%{remote}p\", \\
    \"http\":\"%H\",\"method\":\"%m\",\"uri\":\"%U%q\",\"status\":\"%>s\",\"user_agent\":\"%{User-Agent}i\", \\
    \"tls\":\"%{SSL_PROTOCOL}x\",\"cipher\":\"%{SSL_CIPHER}x\"}" facts
CustomLog $work/logs/crp-access.log facts
Listen 443
SSLEngine on
SSLCertificateFile $work/crp.crt
SSLCertificateKeyFile $work/crp.key
SSLProtocol $tls_protocols
SSLCipherSuite $tls_ciphers
SSLCACertificateFile $work/ca.crt
ProxyPass / http://127.0.0.1:8083/
<Location />
    SSLVerifyClient require
    RequestHeader set X-Client-Verify %{SSL_CLIENT_VERIFY}s
</Location>
END
    } >"$work/crp.conf"
    start crp apache apache2 -DFOREGROUND -f "$work/crp.conf"
    until_true 'the web server of the CRP' listens crp 443
}

# One host of Microsoft's: of the device, the MDM service; of NDES, Intune.
cloud_start() {
    local name=fef.msua01.manage.microsoft.com
    certificate "$cloud" "/CN=$name" "subjectAltName=DNS:$name" extendedKeyUsage=serverAuth
    [[ $cloud != intune ]] || application_start intune
    nginx_start "$cloud" <<END
http {
$(http_common "$cloud")
    server {
        $(http_listen "$cloud" https '')
        server_name $name;
        location / {
            proxy_pass http://127.0.0.1:8083;
            proxy_pass_header Server;
        }
        location /devicegatewayproxy/ {
            default_type application/vnd.syncml.dm+xml;
            return 200 '$(syncml '<Final/>')';
        }
    }
}
END
    until_true "the web server of $name" listens "$cloud" 443
}

# What the CA will issue is made beforehand. For many devices it is made by the SCEP server, and the CA's answers hold
# no certificate.
authority_start() {
    if [[ -e $work/client-message/key ]]; then
        openssl_request -key "$work/client-message/key" -days 365 -subj '/C=US/O=scep-client/OU=MDM/CN=message.contoso.com' \
            -addext keyUsage=critical,digitalSignature,keyEncipherment -addext extendedKeyUsage=clientAuth \
            -CA "$work/ca.crt" -CAkey "$work/ca.key" -out "$work/issued.crt"
        openssl x509 -in "$work/issued.crt" -outform DER -out "$work/issued.der"
        ca_options+=(--certificate "$work/issued.der")
    fi
    start ca authority "$here/ca_server.py" --address 198.51.100.50 --log "$work/logs/ca-server.log" "${ca_options[@]}"
    until_true 'the CA' grep -q ready "$work/logs/authority.log"
}

# --- the enrolments ---

# enrols pkiStatus [HOW]: a Windows device, whose CertRep has this status.
enrols() {
    windows_device "${2:-ask_post}"
    ends_with 0
    grep -q "pkiStatus=$1 " "$work/responder/logs/responder.log" || die "the CertRep has another status than $1"
    [[ $1 == 0 ]] || return 0
    keep_issued 05
    # The CA's answer and the CertRep hold the same.
    cmp "$work/issued.crt" "$truth/issued.crt"
}

# crp_connections COUNT: of NDES to the CRP.
crp_connections() { expect ndes "$new_connection && tcp.dstport == 443 && ip.src == $ndes_address" "$1"; }

syncml() {
    echo '<SyncML xmlns="SYNCML:SYNCML1.2"><SyncHdr><VerDTD>1.2</VerDTD></SyncHdr>'"<SyncBody>$1</SyncBody></SyncML>"
}

device_syncs() {
    SSLKEYLOGFILE=$work/device.keylog on device curl -q --silent --show-error --tls-max 1.2 --output "$work/sync" \
        -A 'MSFT OMA DM Client/1.2.0.1' -H 'Content-Type: application/vnd.syncml.dm+xml' \
        --data "$(syncml '<Alert><CmdID>1</CmdID><Data>1201</Data></Alert><Final/>')" \
        'https://fef.msua01.manage.microsoft.com/devicegatewayproxy/cimhandler.ashx?mode=Maintenance&Platform=WoA' ||
        die 'the device does not reach the MDM service'
}

scenario_behind_healthy() {
    behind
    wap=yes inner_scheme=https captured='device wap ndes crp' cloud=mdm pauses=(2 4) size_limit=260000
    begin
    expect device "$new_connection" 4
    expect wap "$new_connection" 8
    expect crp "$new_connection" 2
    crp_connections 2
    device_syncs
    sleep 2
    enrols 0 ask_get
    arranged 1 'A Windows device synchronises with the MDM service and enrols: VerifyRequest, the CA and Notify are all well.'
}

scenario_behind_renegotiation() {
    behind
    crp_server=crp_start_renegotiating
    begin
    # The second handshake of each connection, inside the first.
    expect ndes 'tls.handshake.type == 0' 2
    crp_connections 2
    enrols 0
    arranged 1 'As behind-healthy; the CRP asks for the client certificate by a second handshake after the request.'
}

scenario_behind_one_connection() {
    behind
    module_options=(--keep)
    begin
    crp_connections 1
    enrols 0
    arranged 1 'As behind-healthy; one connection carries VerifyRequest and Notify.'
}

scenario_behind_xml() {
    behind
    module_options=(--xml)
    begin
    expect ndes 'http.request && http.content_type contains "xml"' 2
    enrols 0
    arranged 1 'As behind-healthy; what the policy module posts is XML.'
}

scenario_intune_connector() {
    behind
    crp_base=$old_connector
    begin
    expect ndes 'http.request.uri contains "CertificateRegistrationSvc"' 2
    enrols 0
    arranged 1 'As behind-healthy, with the old Intune Certificate Connector in the place of the CRP.'
}

scenario_crp_slow() {
    behind
    crp_options=(--verify-delay 2.5)
    begin
    enrols 0
    arranged 1 'The CRP answers VerifyRequest after 2.5 s; all is well.'
}

# --- Intune in the place of the CRP ---

intune() {
    behind
    cloud=intune crp_server=true crp_base=$intune module_certificate=''
}

scenario_intune_validate() {
    intune
    begin
    expect ndes 'http.request.uri contains "ScepActions"' 2
    enrols 0
    arranged 1 'The policy module has Intune validate the request and tells it of the success.'
}

scenario_intune_expired() {
    intune
    crp_options+=(--code ChallengeExpired)
    begin
    expect ndes 'http.request.uri contains "ScepActions"' 2
    enrols 2
    arranged 1 'Intune answers validateRequest with ChallengeExpired; the policy module posts failureNotification.' \
        ndes-intune verify-request 'code ChallengeExpired from Intune'
}

# --- the CRP cannot be reached ---

scenario_crp_refused() {
    behind
    crp_server=true
    begin
    expect ndes 'tcp.srcport == 443 && tcp.flags.reset == 1' 1
    enrols 2
    arranged 1 'Nothing listens at the CRP.' ndes-crp tcp-handshake 'RST from the CRP after SYN'
}

scenario_crp_no_answer() {
    behind
    module_options=(--timeout 3) crp_server=crp_swallows
    begin
    expect ndes 'tcp.srcport == 443' 0
    enrols 2
    arranged 1 'The CRP swallows what goes to port 443.' \
        ndes-crp tcp-handshake 'no answer to SYN, the policy module gives up after 3 s'
}

crp_swallows() { on crp nft $'table ip scep {\n chain extra {\n type filter hook input priority 0;\ntcp dport 443 drop\n}\n}'; }

scenario_crp_untrusted() {
    behind
    module_trusts=other
    begin
    expect ndes 'tls.alert_message.desc == 48' 1
    enrols 2
    arranged 1 'The policy module does not trust the issuer of the certificate of the CRP.' \
        ndes-crp tls-handshake 'alert 48 (unknown CA) from NDES'
}

# The policy module speaks TLS 1.2 at most, as the WinHTTP of that age.
scenario_crp_tls() {
    behind
    tls_protocols=TLSv1.3
    begin
    expect ndes 'tls.alert_message.desc == 70' 1
    enrols 2
    arranged 1 'The CRP speaks TLS 1.3 only, the policy module 1.2 at most.' \
        ndes-crp tls-handshake 'alert 70 (protocol version) from the CRP'
}

# --- the CRP refuses ---

# crp_refuses STATUS HOW WHAT: the CRP answers VerifyRequest so.
crp_refuses() {
    begin
    expect ndes "http.response.code == $1 && tcp.srcport == 443" 1
    crp_connections 1
    enrols 2
    arranged 1 "$3" ndes-crp verify-request "$2"
}

scenario_crp_no_certificate() {
    behind
    module_certificate=''
    expect ndes 'tls.handshake.type == 11 && tls.handshake.certificates_length == 0' 1
    crp_refuses 403 'HTTP 403.7 from the CRP' 'The policy module has no client certificate; its Certificate message is empty.'
}

other_client_certificate() {
    make_message
    openssl_request -newkey rsa:2048 -days 7300 -subj /CN=ndes.corp.contoso.com -addext extendedKeyUsage=clientAuth \
        -CA "$work/other.crt" -CAkey "$work/other.key" -keyout "$work/client.key" -out "$work/client.crt"
}

scenario_crp_untrusted_client() {
    behind
    module_certificate=client prepare=other_client_certificate
    crp_refuses 403 'HTTP 403.16 from the CRP' 'The CRP does not trust the issuer of the client certificate.'
}

expired_client_certificate() {
    make_message
    certificate client /CN=ndes.corp.contoso.com extendedKeyUsage=clientAuth
    expire client ndes.corp.contoso.com clientAuth
}

scenario_crp_expired_client() {
    behind
    module_certificate=client prepare=expired_client_certificate
    crp_refuses 403 'HTTP 403.17 from the CRP' 'The client certificate of the policy module ended with the year 2024.'
}

# crp_error ERROR WHAT: IIS' number of the error.
crp_error() {
    behind
    crp_options+=(--error "$1")
    crp_refuses "${1%.*}" "HTTP $1 from the CRP" "$2"
}

scenario_crp_401() { crp_error 401.2 'Windows Authentication is enabled at the CRP.'; }

scenario_crp_404() { crp_error 404.0 'There is no such application at the CRP.'; }

scenario_crp_500() { crp_error 500.0 'The application of the CRP fails.'; }

scenario_crp_503() { crp_error 503 'The application pool of the CRP is stopped.'; }

scenario_crp_413() {
    behind
    crp_directives='client_max_body_size 1k;'
    crp_refuses 413 'HTTP 413 from the CRP' 'The CRP takes no body of more than 1024 octets.'
}

scenario_crp_false() {
    behind
    used_challenge=0123456789ABCDEF
    begin
    echo "$used_challenge" >"$truth/challenge"
    expect ndes 'http.response.code == 201' 1
    crp_connections 1
    enrols 2
    arranged 1 'The CRP knows nothing of the challenge password.' ndes-crp verify-request 'HTTP 201 with false from the CRP'
}

# --- the CRP is not told ---

scenario_crp_no_notify() {
    behind
    module_options=(--no-notify)
    begin
    crp_connections 1
    enrols 0
    arranged 1 'The certificate is issued, and the policy module never posts Notify.' ndes-crp notify 'no request'
}

scenario_crp_notify_failed() {
    behind
    crp_options+=(--notify-error 500.0)
    begin
    expect ndes 'http.response.code == 500' 1
    crp_connections 2
    enrols 0
    arranged 1 'The CRP fails at Notify; the device has its certificate all the same.' ndes-crp notify 'HTTP 500.0 from the CRP'
}

# --- the CA ---

# ca_refuses HOW WHAT: what the CA does is in ca_server and ca_options; NDES tells the CRP of the failure.
ca_refuses() {
    begin
    expect ndes 'http.response.code == 204' 1
    crp_connections 2
    enrols 2
    arranged 1 "$2" ndes-ca ca-issue "$1"
}

scenario_ca_refused() {
    behind
    ca_server=true
    expect ndes 'tcp.srcport == 135 && tcp.flags.reset == 1' 1
    ca_refuses 'RST from the CA after SYN to port 135' 'Nothing listens at the CA.'
}

scenario_ca_silent() {
    behind
    ca_options+=(--silent) ca_client_options=(--timeout 3)
    ca_refuses 'no answer from the CA to the request, NDES gives up after 3 s' 'The CA takes the request and never answers.'
}

scenario_ca_denied() {
    behind
    ca_options+=(--disposition denied)
    ca_refuses 'disposition denied' 'The CA denies the request.'
}

scenario_ca_fault() {
    behind
    ca_options+=(--fault 5)
    ca_refuses 'RPC fault 5 (access denied)' 'The CA refuses the call: access denied.'
}

scenario_ca_sealed() {
    behind
    ca_client_options=(--seal)
    begin
    crp_connections 2
    enrols 0
    arranged 1 'As behind-healthy; what NDES and the CA say is sealed (packet privacy).'
}

# --- many devices at once ---

all_ten_issued() {
    [[ $(grep -c 'pkiStatus=0 ' "$work/responder/logs/responder.log") == 10 ]] || die 'not every device got its certificate'
}

scenario_behind_ten() {
    behind
    crowd=10 crowd_pause=0.15 prepare=crowd_messages ra=no captured='ndes crp' size_limit=900000
    crp_options=(--verify-delay 0.3 --notify-delay 0.1) ca_options=(--delay 0.1)
    begin
    crp_connections 20
    expect crp "$new_connection" 20
    crowd_enrols
    all_ten_issued
    arranged 10 'Ten Windows devices enrol at the same time; what is behind NDES overlaps.'
}

package broker

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
)

// Users of the embedded server.
const (
	userAgent  = "geomq"  // ourselves, in account APP with full rights
	userClient = "client" // everybody without credentials, in account APP
	userLink   = "link"   // sinks of other regions, in account LINK
	userSystem = "sys"    // the system account
	userRoute  = "route"  // the cluster's servers among each other
)

// LinkUser is the user name that goes with LinkPassword.
const LinkUser = userLink

// LinkPassword is what a sink of another region needs to connect as LinkUser.
func LinkPassword(secret []byte) string { return password(secret, userLink) }

func password(secret []byte, user string) string { return derive(secret, "password of "+user) }

// ingestToken makes the subjects at which a stream of ours is written
// unknowable: JetStream publishes on a client's behalf without asking for its
// permissions (to a request's reply subject, to a consumer's deliver subject),
// so a subject that can be guessed can be written.
func ingestToken(secret []byte, stream string) string {
	return derive(secret, "ingest of "+stream)[:32]
}

func derive(secret []byte, purpose string) string {
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("geomq 1: " + purpose))
	return hex.EncodeToString(mac.Sum(nil))
}

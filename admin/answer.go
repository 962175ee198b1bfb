package admin

import (
	"encoding/json"
	"errors"
	"net/http"
)

// Codes of errors in answers.
const (
	codeNotFound   = "not_found"
	codeVersion    = "unknown_version"
	codeNotReady   = "not_ready"
	codeBadRequest = "bad_request"
	codeMethod     = "method_not_allowed"
	codeHost       = "wrong_host"
	codeInternal   = "internal"
	codeForbidden  = "forbidden"
	codeRefused    = "refused"
	codeElsewhere  = "elsewhere"
)

// errorBody is how an error is written.
type errorBody struct {
	Error *errorText `json:"error"`
}

type errorText struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// classify finds status and code for an error of the Backend or of a handler.
func classify(err error) (status int, code string) {
	switch {
	case errors.Is(err, ErrNotFound):
		return http.StatusNotFound, codeNotFound
	case errors.Is(err, ErrBadRequest):
		return http.StatusBadRequest, codeBadRequest
	case errors.Is(err, ErrElsewhere):
		return http.StatusMisdirectedRequest, codeElsewhere
	case errors.Is(err, ErrRefused):
		return http.StatusConflict, codeRefused
	case errors.Is(err, ErrNotReady):
		return http.StatusServiceUnavailable, codeNotReady
	}
	return http.StatusInternalServerError, codeInternal
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	writeJSON(w, status, errorBody{&errorText{Code: code, Message: message}})
}

func fail(w http.ResponseWriter, err error) {
	status, code := classify(err)
	refuse(w, status, code, err.Error())
}

func writeJSON(w http.ResponseWriter, status int, value any) {
	body, err := json.Marshal(value)
	if err != nil { // a float that is no number, the only way for our types
		status = http.StatusInternalServerError
		body, _ = json.Marshal(errorBody{&errorText{Code: codeInternal, Message: err.Error()}})
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	w.Write(append(body, '\n')) // whoever asked has gone if this fails
}

package configs

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

const (
	maxFile    = 1 << 20
	maxKeyFile = 4 << 10
)

// Load reads the configuration in a file of at most 1 MiB. A gossip.key_file is
// read too, counting from the configuration's folder; its content ends up in
// Gossip.Key, and Gossip.KeyFile is empty afterwards.
//
// The error wraps Problems for a configuration that is wrong, and the error of
// package os for a file that can't be read.
func Load(path string) (*Config, error) {
	data, err := readFile(path, maxFile+1)
	if err != nil {
		return nil, fmt.Errorf("read the configuration: %w", err)
	}
	c, d := decode(data)
	if file := c.Gossip.KeyFile; file != "" && c.Gossip.Key == "" {
		if !filepath.IsAbs(file) {
			file = filepath.Join(filepath.Dir(path), file)
		}
		key, err := readKey(file)
		if err != nil {
			d.report("gossip.key_file", d.lineOf("gossip.key_file"), "%v", err)
		}
		c.Gossip.Key, c.Gossip.KeyFile = key, ""
	}
	if err := d.sorted().Err(); err != nil {
		return nil, fmt.Errorf("%s is no valid configuration:\n%w", path, err)
	}
	return c, nil
}

// Parse reads a configuration, fills in its defaults and validates it. The error
// is Problems, with all of them. A gossip.key_file is left unread in
// Gossip.KeyFile.
func Parse(data []byte) (*Config, error) {
	c, d := decode(data)
	if err := d.sorted().Err(); err != nil {
		return nil, err
	}
	return c, nil
}

// decode does all of Parse; the problems are in the decoder.
func decode(data []byte) (*Config, *decoder) {
	c, d := Defaults(), newDecoder()
	if len(data) > maxFile {
		d.report("", 0, "the file is larger than 1MiB")
		return &c, d
	}
	root, ok := d.document(data)
	if !ok {
		return &c, d
	}
	if root != nil {
		c.fields().decode(d, "", root)
	}
	c.FillDefaults()
	if !d.failed[""] {
		d.judge(c.Validate())
	}
	return &c, d
}

// document finds the one document in data; root is nil where it is empty.
func (d *decoder) document(data []byte) (root *yaml.Node, ok bool) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var doc, next yaml.Node
	if err := decoder.Decode(&doc); err != nil && !errors.Is(err, io.EOF) {
		d.syntax(err)
		return nil, false
	}
	switch err := decoder.Decode(&next); {
	case err == nil:
		d.report("", next.Line, "a second document begins here; a configuration is one document, without further \"---\"")
	case !errors.Is(err, io.EOF):
		d.syntax(err)
		return nil, false
	}
	if len(doc.Content) == 0 || doc.Content[0].ShortTag() == "!!null" {
		return nil, true
	}
	d.lines[""] = doc.Content[0].Line
	return doc.Content[0], true
}

// syntax reports text that is no YAML; the library puts the line into its message.
func (d *decoder) syntax(err error) {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	line := 0
	if rest, ok := strings.CutPrefix(text, "line "); ok {
		number, reason, _ := strings.Cut(rest, ": ")
		if n, err := strconv.Atoi(number); err == nil {
			line, text = n, reason
		}
	}
	d.report("", line, "the file is no YAML: %s", text)
}

func readKey(path string) (GossipKey, error) {
	data, err := readFile(path, maxKeyFile+1)
	switch {
	case err != nil:
		return "", fmt.Errorf("can't be read: %w", err)
	case len(data) > maxKeyFile:
		return "", fmt.Errorf("%w: %s is larger than 4KiB", ErrGossipKey, path)
	}
	return keyIn(string(data))
}

// readFile reads at most limit bytes, whatever the file's size says.
func readFile(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, limit))
}

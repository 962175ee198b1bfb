package configs

import (
	"bytes"
	"fmt"
	"slices"

	"go.yaml.in/yaml/v3"
)

// Marshal writes c as YAML with its defaults filled in; Parse reads it back equal
// to c after FillDefaults. It holds the gossip key in clear text: write it to a
// file that only the node's user reads. The error is Problems where c is wrong.
func (c *Config) Marshal() ([]byte, error) {
	filled := *c
	filled.Logs = slices.Clone(c.Logs)
	filled.FillDefaults()
	if err := filled.Validate().Err(); err != nil {
		return nil, err
	}
	var out bytes.Buffer
	encoder := yaml.NewEncoder(&out)
	encoder.SetIndent(2)
	if err := encoder.Encode(filled.fields().encode()); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	if err := encoder.Close(); err != nil {
		return nil, fmt.Errorf("write the configuration: %w", err)
	}
	return out.Bytes(), nil
}

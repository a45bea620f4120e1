<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>X26ABC2</To_DTS>
  <Subject><![CDATA[a <b> &amp; c]]></Subject>
  <LocalId>one<![CDATA[ ]]>two</LocalId>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
</DTSControl>

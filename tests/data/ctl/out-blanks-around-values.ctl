<DTSControl>
  <Version>1.0</Version>
  <AddressType>DTS</AddressType>
  <MessageType>Data</MessageType>
  <From_DTS>X26ABC1</From_DTS>
  <To_DTS>
    X26ABC2	
  </To_DTS>
  <Subject> 	 two  blanks
    and a line</Subject>
  <LocalId>&#32;id&#10;</LocalId>
  <ProcessId> 	 </ProcessId>
  <WorkflowId>DEMO_LETTERS</WorkflowId>
</DTSControl>
